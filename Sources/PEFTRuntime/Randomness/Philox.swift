/// The counter-based generator Philox4x32-10 of Salmon, Moraes, Dror and Shaw, *Parallel random
/// numbers: as easy as 1, 2, 3* (2011): four random words from a counter and a key, without state.
package enum Philox {
  /// The words of one counter (low word first) under one key.
  @inline(__always)
  package static func block(_ counter: SIMD4<UInt32>, key: UInt64) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter.x, counter.y, counter.z, counter.w)
    var k0 = UInt32(truncatingIfNeeded: key)
    var k1 = UInt32(truncatingIfNeeded: key >> 32)
    for _ in 0..<10 {
      let first = c0.multipliedFullWidth(by: 0xD251_1F53)
      let second = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// The words of block `index` of the stream `site` under `key`.
  @inline(__always)
  package static func block(_ index: UInt64, site: UInt64, key: UInt64) -> SIMD4<UInt32> {
    block(
      SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        UInt32(truncatingIfNeeded: site), UInt32(truncatingIfNeeded: site >> 32)),
      key: key)
  }

  /// Element `index` of the stream of words `site` under `key`, in the order of the vector kernels:
  /// element 64 g + 16 l + j is word l of block 16 g + j.
  package static func word(_ index: UInt64, site: UInt64, key: UInt64) -> UInt32 {
    let (group, rest) = (index / 64, index % 64)
    return block(group * 16 + rest % 16, site: site, key: key)[Int(rest / 16)]
  }
}
