import Crypto
import Foundation
import PEFTTensor

/// SHA-256 of files, to bind what was trained to what it was trained on.
public enum Fingerprint {
  /// The digest of a file's bytes in hexadecimal.
  public static func file(_ path: String) throws(FileError) -> String {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw FileError(.notFound, path: path, reason: "no such file, or it cannot be read")
    }
    defer { try? handle.close() }
    var hash = SHA256()
    do {
      while let piece = try handle.read(upToCount: 1 << 22), !piece.isEmpty {
        hash.update(data: piece)
      }
    } catch {
      throw FileError(.storage, path: path, reason: "reading failed: \(error)")
    }
    return hexadecimal(hash.finalize())
  }

  /// The digests of a model directory's weights, by file name: `model.safetensors` or its shards.
  public static func weights(ofModel directory: String) throws(FileError) -> [String: String] {
    var digests: [String: String] = [:]
    for reader in try SafetensorsCollection(directory: directory).readers {
      digests[(reader.path as NSString).lastPathComponent] = try file(reader.path)
    }
    return digests
  }

  /// The digest of texts in their order, in hexadecimal.
  static func of(_ texts: [String]) -> String {
    var hash = SHA256()
    for text in texts {
      var count = UInt64(text.utf8.count).littleEndian
      withUnsafeBytes(of: &count) { hash.update(bufferPointer: $0) }
      hash.update(data: Data(text.utf8))
    }
    return hexadecimal(hash.finalize())
  }

  static func hexadecimal(_ digest: SHA256.Digest) -> String {
    digest.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
