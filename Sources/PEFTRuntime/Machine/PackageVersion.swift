/// The version of this package, as printed by the command, in reports and in metric signatures.
package let packageVersion = "0.1.0"
