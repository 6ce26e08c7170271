import PEFTTensor
import Testing

@Suite("Sums over atoms")
struct AtomTreeTests {
  private static func tree() -> AtomTree<String> { AtomTree { $0 = "(\($0)+\($1))" } }

  @Test("the order of the additions is that of a binary tree over all atoms")
  func order() {
    func sum(_ count: Int) -> String? {
      var tree = Self.tree()
      for atom in 0..<count { tree.append("\(atom)", first: atom) }
      return tree.takeSum()
    }
    #expect(sum(0) == nil)
    #expect(sum(1) == "0")
    #expect(sum(3) == "((0+1)+2)")
    #expect(sum(8) == "(((0+1)+(2+3))+((4+5)+(6+7)))")
    #expect(sum(7) == "(((0+1)+(2+3))+((4+5)+6))")
  }

  @Test("the order does not depend on who adds", arguments: 1...17)
  func processes(atoms: Int) {
    var whole = Self.tree()
    for atom in 0..<atoms { whole.append("\(atom)", first: atom) }
    let sum = whole.takeSum()
    for count in 1...(atoms + 2) {
      var (together, owned) = (Self.tree(), 0)
      for rank in 0..<count {
        let mine = AtomTree<String>.atoms(ofRank: rank, of: count, count: atoms)
        #expect(mine.lowerBound == owned)
        owned = mine.upperBound
        var part = Self.tree()
        for atom in mine { part.append("\(atom)", first: atom) }
        #expect(
          part.nodes.map(\.first) == AtomTree<String>.nodes(of: mine).map(\.first)
            && part.nodes.count <= 2 * 5)
        for node in part.nodes { together.append(node.sum, first: node.first, size: node.size) }
      }
      #expect(owned == atoms)
      let found = together.takeSum()
      #expect(found == sum, "\(count) processes")
    }
  }
}
