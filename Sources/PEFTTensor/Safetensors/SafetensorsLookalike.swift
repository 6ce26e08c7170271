/// Files that users often have instead of a safetensors file, recognised by their first bytes.
///
/// It is consulted only after the bytes were rejected as safetensors, so it never rejects a valid
/// file.
enum SafetensorsLookalike {
  case gitLFSPointer
  case pickle
  case markup
  case text

  /// The number of leading bytes that are examined.
  static let byteCount = 64

  /// The kind of a file that begins with `file`; nil if it is not recognised.
  init?(_ file: [UInt8]) {
    let start = file.prefix(Self.byteCount).drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    if file.starts(with: "version https://git-lfs".utf8) {
      self = .gitLFSPointer
    } else if file.starts(with: "PK\u{3}\u{4}".utf8) {
      self = .pickle
    } else if file.count >= 2, file[0] == 0x80, (2...5).contains(file[1]) {
      self = .pickle
    } else if start.first == UInt8(ascii: "<") {
      self = .markup
    } else if start.first == UInt8(ascii: "{") {
      self = .text
    } else {
      return nil
    }
  }

  /// The error that tells the user what the file at `path` is.
  func error(path: String) -> FileError {
    switch self {
    case .gitLFSPointer:
      FileError(
        .malformed, path: path, reason: "a Git-LFS pointer, not the file it points to",
        remedy: "run `git lfs pull`, or download the file itself")
    case .pickle: .pickledCheckpoint(path)
    case .markup:
      FileError(
        .malformed, path: path, reason: "a web page, not a safetensors file",
        remedy: "the server answered with an error or a log-in page: download it again")
    case .text:
      FileError(
        .malformed, path: path, reason: "JSON text, not a safetensors file",
        remedy: "name the .safetensors file, or download it again if the text is an error message")
    }
  }
}

extension FileError {
  /// The error for a PyTorch checkpoint, which is a program for Python's unpickler, not data.
  static func pickledCheckpoint(_ path: String) -> FileError {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let isPlain = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    let source = isPlain ? name : "pytorch_model.bin"
    let command =
      "python3 -c \"import torch, safetensors.torch as s; "
      + "w = torch.load('\(source)', map_location='cpu', weights_only=True); "
      + "s.save_file({k: v.clone().contiguous() for k, v in w.items()}, "
      + "'model.safetensors', metadata={'format': 'pt'})\""
    return FileError(
      .unsupported, path: path,
      reason: "a PyTorch checkpoint, which can run code when it is loaded and is never read here",
      remedy: "convert it in its directory: \(command)")
  }
}
