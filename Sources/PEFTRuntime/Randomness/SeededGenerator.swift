import Foundation

/// A source of random numbers that depends only on a seed, a purpose and a position: it gives the
/// same numbers on every machine, whatever other generators have produced.
///
/// The numbers are stream 0 of Philox4x32-10 under `key`. Streams from 1 on are left to callers
/// that address random words by (key, stream, element), as dropout masks do. With
/// mix(z) = SplitMix64's finalizer (Steele, Lea and Flood 2014) and hash = 64-bit FNV-1a over the
/// purpose in UTF-8,
///
///     key(seed, purpose)     = mix(mix(seed + g) ^ hash(purpose)),  g = 0x9E3779B97F4A7C15
///     key(parent, index)     = mix(mix(key(parent) + 2 g) ^ mix(index + 3 g))
///
/// and splitting by a purpose uses the parent's key as the seed.
public struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
  /// The key of its stream; two generators with the same key produce the same numbers.
  public let key: UInt64
  private var position: UInt64 = 0
  private var pending: UInt64?

  private init(key: UInt64) { self.key = key }

  /// The generator of one purpose, such as "data order", under a run's seed.
  public init(seed: UInt64, purpose: String) {
    self.init(key: Self.mix(Self.mix(seed &+ Self.golden) ^ Self.hash(purpose)))
  }

  /// A generator for a part of this generator's purpose. It depends only on this generator's key,
  /// and this generator does not advance.
  public func split(_ purpose: String) -> SeededGenerator {
    SeededGenerator(seed: key, purpose: purpose)
  }

  /// The generator of item `index` (an epoch, a probe); see `split(_:)` for a purpose.
  public func split(_ index: Int) -> SeededGenerator {
    let item = Self.mix(UInt64(bitPattern: Int64(index)) &+ 3 &* Self.golden)
    return SeededGenerator(key: Self.mix(Self.mix(key &+ 2 &* Self.golden) ^ item))
  }

  /// The next 64 bits: words 0 and 1 of a Philox block, low word first, then words 2 and 3.
  public mutating func next() -> UInt64 {
    if let pending {
      self.pending = nil
      return pending
    }
    let words = Philox.block(position, site: 0, key: key)
    position &+= 1
    pending = UInt64(words.z) | UInt64(words.w) << 32
    return UInt64(words.x) | UInt64(words.y) << 32
  }

  /// Uniform on [0, 1): a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A normal number with mean 0 and variance 1, from two uniform numbers (Box and Muller 1958).
  /// Its magnitude is at most √(106 ln 2) = 8.57.
  public mutating func normal() -> Double {
    let (radius, angle) = (uniform(), uniform())
    return (-2 * log(1 - radius)).squareRoot() * cos(2 * .pi * angle)
  }

  /// The numbers 0 ..< count in uniformly random order (Fisher and Yates).
  public mutating func permutation(_ count: Int) -> [Int] {
    precondition(count >= 0, "permutation: of \(count) numbers")
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Int(number(below: UInt64(last) + 1)))
    }
    return order
  }

  /// `count` distinct integers below `limit`, ascending; all sets are equally likely (Floyd's
  /// sampling).
  package mutating func distinctIntegers(_ count: Int, below limit: Int) -> [Int] {
    var chosen: Set<Int> = []
    for last in limit - count..<limit {
      let number = Int(uniform() * Double(last + 1))
      chosen.insert(chosen.contains(number) ? last : number)
    }
    return chosen.sorted()
  }

  /// Uniform on 0 ..< bound without bias, by Lemire's multiplication with rejection (2019).
  private mutating func number(below bound: UInt64) -> UInt64 {
    let excess = (0 &- bound) % bound
    while true {
      let (high, low) = next().multipliedFullWidth(by: bound)
      if low >= excess { return high }
    }
  }

  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  private static func hash(_ purpose: String) -> UInt64 {
    purpose.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
