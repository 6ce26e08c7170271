/// The members of a JSON object in the order of the file, with look-up by key in O(1).
///
/// Keys are the same when their UTF-8 bytes are, as RFC 8259 advises; `String` would also take two
/// spellings of one accented letter for the same.
public struct JSONObject: Sendable {
  /// One member.
  private struct Member: Hashable, Sendable {
    let key: UTF8Key
    var value: JSONValue
  }

  private var storage: [Member] = []
  /// Where a key's search begins at its hash: 0 for none, else the place in `storage` and 1. A
  /// power of two of slots, at most half of them taken; none at all for a few members, which are
  /// searched one after the other.
  private var slots: [UInt32] = []

  /// The most members that have no table.
  private static let searchedCount = 8

  /// An object without members.
  public init() {}

  /// The number of members.
  public var count: Int { storage.count }

  /// The keys in the order of the file.
  public var keys: [String] { storage.map(\.key.string) }

  /// The members in the order of the file.
  public var members: some Sequence<(key: String, value: JSONValue)> {
    storage.lazy.map { ($0.key.string, $0.value) }
  }

  /// The value of `key`; assigning to a new key appends it, assigning nil removes it in O(count).
  public subscript(key: String) -> JSONValue? {
    get { place(of: UTF8Key(key)).map { storage[$0].value } }
    set {
      if let newValue {
        if !append(newValue, for: key), let place = place(of: UTF8Key(key)) {
          storage[place].value = newValue
        }
      } else if let place = place(of: UTF8Key(key)) {
        storage.remove(at: place)
        rebuild()
      }
    }
  }

  /// Appends a member; false, and nothing happens, where there is one of this key.
  mutating func append(_ value: JSONValue, for key: String) -> Bool {
    let key = UTF8Key(key)
    if slots.isEmpty {
      if storage.contains(where: { $0.key == key }) { return false }
      storage.append(Member(key: key, value: value))
      if storage.count > Self.searchedCount { rebuild() }
      return true
    }
    let slot = slot(of: key)
    guard slots[slot] == 0 else { return false }
    storage.append(Member(key: key, value: value))
    slots[slot] = UInt32(storage.count)
    if 2 * storage.count > slots.count { rebuild() }
    return true
  }

  private func place(of key: UTF8Key) -> Int? {
    if slots.isEmpty { return storage.firstIndex { $0.key == key } }
    let number = Int(slots[slot(of: key)])
    return number == 0 ? nil : number - 1
  }

  /// The slot that holds `key`, or the empty one where it belongs.
  private func slot(of key: UTF8Key) -> Int {
    var slot = key.hashValue & (slots.count - 1)
    while slots[slot] != 0, storage[Int(slots[slot]) - 1].key != key {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  /// Makes the table anew, large enough for the members.
  private mutating func rebuild() {
    slots = []
    guard storage.count > Self.searchedCount else { return }
    var size = 4 * Self.searchedCount
    while size < 2 * storage.count { size *= 2 }
    var table = [UInt32](repeating: 0, count: size)
    for (place, member) in storage.enumerated() {
      var slot = member.key.hashValue & (size - 1)
      while table[slot] != 0 { slot = (slot + 1) & (size - 1) }
      table[slot] = UInt32(place + 1)
    }
    slots = table
  }
}

extension JSONObject: Hashable {
  /// Whether both have the same members in the same order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.storage == right.storage
  }

  /// Hashes the members in their order.
  public func hash(into hasher: inout Hasher) { hasher.combine(storage) }
}

extension JSONObject {
  /// The bytes of memory that a member takes at most, but for what its key and value refer to.
  static let memberByteCount = 2 * MemoryLayout<Member>.stride + 4 * MemoryLayout<UInt32>.stride
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object with `elements` in their order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (key, value) in elements { self[key] = value }
  }
}
