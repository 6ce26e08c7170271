extension Array where Element: BitwiseCopyable {
  /// Calls `body` with a pointer to the elements, which is valid only during the call.
  package func withPointer(
    _ body: (UnsafeBufferPointer<Element>) throws(FileError) -> Void
  ) throws(FileError) {
    let outcome = withUnsafeBufferPointer { elements in
      Result { () throws(FileError) in try body(elements) }
    }
    try outcome.get()
  }
}
