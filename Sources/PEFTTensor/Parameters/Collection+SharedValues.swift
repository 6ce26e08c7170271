extension Collection where Element == Parameter {
  /// Has the values of these parameters in memory once for the processes of a machine.
  ///
  /// The values must be the same in all processes, which all make this call. They are read as
  /// before; a change makes a copy. Values of which only packed copies are in memory stay as they
  /// are.
  ///
  /// - Returns: the number of bytes that this process now shares; 0 if it is alone on its machine.
  package func shareValues(over collective: any Collective) throws -> Int {
    // Each begins at a multiple of 64 bytes.
    let step = 16
    var (places, end): ([(parameter: Parameter, start: Int)], Int) = ([], 0)
    for parameter in self where parameter.valueBytes > 0 {
      places.append((parameter, end))
      end += (parameter.count + step - 1) / step * step
    }
    let memory = try collective.share(end * MemoryLayout<Float>.stride) { bytes in
      let floats = bytes.bindMemory(to: Float.self)
      for (parameter, start) in places {
        parameter.plainValue.withUnsafeElements { values in
          _ = UnsafeMutableBufferPointer(rebasing: floats[start..<start + values.count])
            .update(fromContentsOf: values)
        }
      }
    }
    guard let memory else { return 0 }
    let storage = TensorStorage(memory)
    for (parameter, start) in places {
      parameter.move(to: Tensor(shape: parameter.shape, storage: storage, offset: start))
    }
    TensorMemory.releaseUnused()
    return memory.bytes.count
  }
}
