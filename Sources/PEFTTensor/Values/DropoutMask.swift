/// The elements that a dropout keeps, as a function of (key, site, element of the whole batch). A
/// mask is regenerated whenever it is needed and never stored.
struct DropoutMask {
  let probability: Double
  let key: UInt64
  let site: UInt64
  /// The place of the tensor's first element in the stream of the site.
  let first: UInt64

  /// An element is dropped if its random word is below this.
  var threshold: UInt32 { UInt32(min(probability * 0x1p32, 0x1p32 - 1)) }
  /// 1 / (1 − probability), which preserves the expectation.
  var scale: Float { Float(1 / (1 - probability)) }
}
