import ArgumentParser
import BenchmarkModels
import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTText

/// The batches of a timing: one of random tokens again and again, or a file's as they come.
struct TimedBatches {
  private let batches: [(PackedBatch, Targets)]

  subscript(step: Int) -> (PackedBatch, Targets) { batches[step % batches.count] }

  init(isLanguage: Bool, size: Int, length: Int, data: String?, tokenizer: String?) throws {
    guard let data else {
      let sequences = randomSequences(size, length: length)
      let batch = PackedBatch(
        sequences: sequences,
        predicted: isLanguage ? sequences.map { Array(0..<$0.count - 1) } : nil)
      batches = [
        (
          batch,
          isLanguage
            ? .tokens(sequences.map { Array($0.dropFirst()) })
            : .classes((0..<size).map { $0 % 2 })
        )
      ]
      return
    }
    guard let tokenizer else { throw ValidationError("--data: it needs --tokenizer") }
    let encoder = try Tokenizer.load(directory: tokenizer)
    let rows = try String(contentsOfFile: data, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
      .filter { $0.count == 2 && ["0", "1"].contains($0[1]) }
    let encodings = encoder.encode(rows.map { (String($0[0]), nil) }, maximumLength: length)
    batches = stride(from: 0, to: rows.count, by: size).map { first in
      let part = first..<min(rows.count, first + size)
      return (
        PackedBatch(part.map { encodings[$0] }), .classes(part.map { rows[$0][1] == "1" ? 1 : 0 })
      )
    }
  }
}
