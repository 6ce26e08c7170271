/// The version of this package, as the command, reports and the signatures of metrics give it.
package let packageVersion = "0.1.0"
