import COpenSSL

/// A SHA-256 digest (FIPS 180-4) of bytes appended piece by piece, computed by OpenSSL's libcrypto.
///
/// It has value semantics: a copy and the original continue independently.
package struct SHA256: Sendable {
  private var state = State()

  /// The digest of no bytes.
  package init() {}

  /// Appends `bytes`.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if !isKnownUniquelyReferenced(&state) { state = State(copying: state) }
    check(EVP_DigestUpdate(state.context, bytes.baseAddress, bytes.count), "update")
  }

  /// Appends `bytes`.
  package mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// The digest of all bytes appended so far: 64 hexadecimal digits, in lower case.
  package var hexadecimal: String {
    let end = State(copying: state)
    let digest = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      check(EVP_DigestFinal_ex(end.context, buffer.baseAddress, nil), "end")
      count = 32
    }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// OpenSSL's context, freed on deinit. It never changes while two digests share it.
  private final class State: @unchecked Sendable {
    let context: OpaquePointer

    init() {
      context = Self.allocated()
      check(EVP_DigestInit_ex(context, EVP_sha256(), nil), "begin")
    }

    init(copying other: State) {
      context = Self.allocated()
      check(EVP_MD_CTX_copy_ex(context, other.context), "copy")
    }

    deinit { EVP_MD_CTX_free(context) }

    private static func allocated() -> OpaquePointer {
      guard let context = EVP_MD_CTX_new() else { preconditionFailure("SHA256: out of memory") }
      return context
    }
  }
}

/// OpenSSL fails here only if memory runs out or if its configuration forbids SHA-256.
private func check(_ status: Int32, _ step: String) {
  precondition(status == 1, "SHA256: OpenSSL cannot \(step) a digest")
}
