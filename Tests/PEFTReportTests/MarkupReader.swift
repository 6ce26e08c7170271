import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Parses markup with an XML parser and keeps what the tests need.
final class MarkupReader: NSObject, XMLParserDelegate {
  /// An element of the markup.
  struct Element {
    let name: String
    let attributes: [String: String]
    var text = ""
  }

  /// All elements, in the order of their start tags.
  private(set) var elements: [Element] = []
  /// Whether the markup is well-formed XML.
  private(set) var isWellFormed = false
  private var open: [Int] = []

  init(_ markup: String) {
    super.init()
    let parser = XMLParser(data: Data(markup.utf8))
    parser.delegate = self
    // On Linux, `parse` returns true even for unclosed elements, but the parser's error is then not
    // nil.
    isWellFormed = parser.parse() && parser.parserError == nil
  }

  /// The text inside elements called `name`.
  func texts(_ name: String) -> [String] { elements.filter { $0.name == name }.map(\.text) }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let last = open.last { elements[last].text += text }
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }
}
