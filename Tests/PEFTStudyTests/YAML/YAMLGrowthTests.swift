import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

/// Documents that grow when their aliases are written out, in every spelling that YAML has for
/// anchors, aliases, maps and lists.
@Suite("YAML that grows")
struct YAMLGrowthTests {
  /// A way to write a level that has the level before it twice.
  struct Level: Sendable {
    let name: String
    /// The text of a level with the anchor `a`, of the aliases `b`.
    let text: @Sendable (_ anchor: String, _ alias: String) -> String
  }

  private static let levels = [
    Level(name: "flow list") { "\($0) [\($1),\($1)]" },
    Level(name: "flow list of lists") { "\($0) [[\($1)] ,[ [\($1)]]]" },
    Level(name: "flow map") { "\($0) {\"p\":\($1),\"q\":\($1)}" },
    Level(name: "flow map, single quotes") { "\($0) {'p':\($1),'q':\($1)}" },
    Level(name: "merged") { "\($0) {\"<<\":\($1),\"k\":\($1)}" },
    Level(name: "merged from a list") { "\($0) {<<: [\($1),\($1)]}" },
    Level(name: "pairs in a list") { "\($0) [? x : \($1), ? y : \($1)]" },
    Level(name: "names of names") { "\($0) {? \($1) : 1, ? [\($1)] : 2}" },
    Level(name: "lines") { "\($0)\n    - \($1)\n    - \($1)" },
    Level(name: "lines of lines") { "\($0)\n    -   - - \($1)\n    - - \($1)" },
    Level(name: "lines of a map") { "\($0)\n    p: \($1)\n    q: \($1)" },
    Level(name: "lines of names") { "\($0)\n    ? \($1)\n    : 1\n    ? - \($1)\n    : 2" },
    Level(name: "with tags") { "!!seq \($0) [!!map {x: \($1)},\($1)]" },
    Level(name: "with a tag after the anchor") { "\($0) !!seq [\($1),\($1)]" },
    Level(name: "on several lines") { "\($0) [\n   \($1)\n   ,\n   \($1)\n   ]" },
    Level(name: "with comments") { "\($0) # &x\n    [ # *x\n    \($1),#y\n    \($1) ]" },
  ]
  private static let anchors = [
    "a", "A_", "-", "_", "9", "a-b", "é", "a.b", "a/b", "*", "&", "a:", "x\u{301}",
  ]
  private static let ends = [
    "b: LAST\n", "? LAST\n: 1\n", "LAST : 1\n", "b: {LAST : 1}\n", "<<: LAST\n",
    "b: [? LAST : 1]\n",
  ]

  private static var documents: [(name: String, text: String)] {
    var documents: [(String, String)] = []
    for level in levels {
      for anchor in anchors {
        for end in ends {
          var lines = ["l0: &\(anchor)0 [1, 2]"]
          for number in 1...25 {
            lines.append(
              "l\(number): " + level.text("&\(anchor)\(number)", "*\(anchor)\(number - 1)"))
          }
          lines.append(end.replacing("LAST", with: "*\(anchor)25"))
          documents.append(
            ("\(level.name), anchor \(anchor), \(end.prefix(12))", lines.joined(separator: "\n")))
        }
      }
    }
    for (name, begin) in [("a directive", "%YAML 1.1\n---\n"), ("a mark", "\u{FEFF}")] {
      documents.append((name, begin + documents[0].1))
    }
    for (name, ending) in [("CRLF", "\r\n"), ("CR", "\r"), ("NEL", "\u{85}"), ("LS", "\u{2028}")] {
      documents.append((name, documents[0].1.replacing("\n", with: ending)))
    }
    return documents
  }

  private func read(_ text: String) -> (error: FileError?, duration: Duration) {
    var failure: FileError?
    let duration = threadTime {
      do throws(FileError) {
        _ = try YAMLMap(parsing: Array(text.utf8), path: "run.yaml", example: "rank: 8")
      } catch {
        failure = error
      }
    }
    return (failure, duration)
  }

  @Test("is refused at once, in every spelling", .timeLimit(.minutes(2)))
  func growth() {
    let documents = Self.documents
    #expect(documents.count > 1000)
    for (name, text) in documents {
      let (error, duration) = read(text)
      #expect(error != nil, "\(name)")
      #expect(duration < .seconds(1), "\(name): \(duration)")
      #expect(error?.remedy.isEmpty == false && (error?.reason.count ?? 0) < 200, "\(name)")
    }
  }

  @Test("documents of the largest size, of one construct each, are read or refused soon")
  func size() {
    let size = (1 << 20) - 100
    func filled(_ piece: (Int) -> String) -> String {
      var text = ""
      var number = 0
      while text.utf8.count < size - 100 {
        text += piece(number)
        number += 1
      }
      return text
    }
    for (name, text) in [
      ("names", filled { "k\($0): 1\n" }), ("items", "a:\n" + filled { _ in "- 1\n" }),
      ("empty items", "a:\n" + filled { _ in "-\n" }),
      ("flow items", "a: [" + filled { _ in "1," } + "]"),
      ("flow lists", "a: [" + filled { _ in "[]," } + "]"),
      ("flow maps", "a: [" + filled { _ in "{}," } + "]"),
      ("floats", "a: [" + filled { "\($0).5e\($0)," } + "]"),
      ("dates", "a: [" + filled { _ in "2001-01-01," } + "]"),
      ("sexagesimals", "a: [" + filled { _ in "1:2:3:4:5," } + "]"),
      ("a long text", "a: " + String(repeating: "x", count: size)),
      ("a long number", "a: " + String(repeating: "1", count: size)),
      ("a long time", "a: 1" + String(repeating: ":1", count: size / 2 - 10)),
      ("a long name", String(repeating: "x", count: size) + ": 1"),
      ("a long quoted name", "\"" + String(repeating: "x", count: size - 10) + "\": 1"),
      ("a long tag", "a: !" + String(repeating: "x", count: size) + " 1"),
      ("tags", "a:\n" + filled { "- !t\($0) 1\n" }),
      ("anchors", "a:\n" + filled { "- &t\($0) 1\n" }),
      ("comments", filled { _ in "#\n" } + "a: 1\n"), ("documents", filled { _ in "---\n" }),
      ("directives", filled { "%TAG !t\($0)! tag:x,2000:\n" } + "---\na: 1\n"),
      ("depth of lines", "a:\n" + String(repeating: "- ", count: size / 2)),
      ("depth of names", String(repeating: "? ", count: size / 2)),
      ("depth of values", String(repeating: "a: ", count: size / 3)),
      ("depth of lists", "a: " + String(repeating: "[", count: size)),
      ("depth of maps", "a: " + String(repeating: "{", count: size)),
      ("depth of pairs", "a: " + String(repeating: "[?", count: size / 2)),
      ("spaces", "a:" + String(repeating: " ", count: size) + "1"),
      ("indents", "a:\n" + (0..<1400).map { String(repeating: " ", count: $0) + "b:\n" }.joined()),
      ("tabs", "a: " + String(repeating: "\t", count: size) + "1"),
      ("a block text", "a: |\n" + filled { _ in " \n" }),
      ("a folded text", "a: >\n" + filled { _ in " x\n" }),
      ("escapes", "a: \"" + filled { _ in "\\U0001F600" } + "\""),
      ("quotes", "a: '" + filled { _ in "''" } + "'"),
      (
        "many names, merged",
        "a: &a {" + filled { "k\($0): 1," }.prefix(size / 2) + "z: 1}\nb: {<<: *a}\n"
      ),
      (
        "many maps, merged",
        "a: &a {k: 1}\nb: {<<: [" + String(repeating: "*a,", count: 14) + "]}\n"
      ),
      ("the same names", filled { _ in "k: 1\n" }),
    ] {
      let (error, duration) = read(text)
      #expect(duration < .seconds(8), "\(name): \(duration)")
      #expect((error?.description.count ?? 0) < 400, "\(name)")
    }
  }
}
