/// The members of a JSON object in the order of the file, with look-up by key in O(1).
///
/// Two keys are equal if their UTF-8 bytes are equal, as RFC 8259 advises. `String` would also
/// treat two spellings of one accented letter as equal.
public struct JSONObject: Sendable {
  /// One member.
  private struct Member: Hashable, Sendable {
    let key: UTF8Key
    var value: JSONValue
  }

  private var storage: [Member] = []
  /// An open-addressing hash table: the slot at a key's hash is 0 if empty, else 1 plus an index
  /// into `storage`. The number of slots is a power of two, at most half of them occupied. There is
  /// no table for a few members, which are searched linearly.
  private var slots: [UInt32] = []

  /// The largest number of members without a table.
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

  /// The value of `key`.
  ///
  /// Assigning to a new key appends it; assigning nil removes the member in O(count).
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

  /// Appends a member. Returns false and does nothing if the key already exists.
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

  /// Rebuilds the table, large enough for the members.
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
  /// An upper bound on the bytes of memory of a member, without what its key and value refer to.
  static let memberByteCount = 2 * MemoryLayout<Member>.stride + 4 * MemoryLayout<UInt32>.stride
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object with `elements` in the given order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (key, value) in elements { self[key] = value }
  }
}
