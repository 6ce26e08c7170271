import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Parameter snapshot")
struct ParameterSnapshotTests {
  @Test("changed values are restored, and can be read again as before")
  func restores() {
    let entries = ["left", "changed"].map { name in
      ModelParameter(
        Parameter(name: name, value: Tensor([1, 2, 3, 4], shape: [2, 2])), kind: .attention,
        place: "layer.0", layer: 0, role: name, stage: 1)
    }
    let (left, changed) = (entries[0].parameter, entries[1].parameter)
    for parameter in [left, changed] {
      parameter.origin = .floats { () throws(FileError) in Tensor([1, 2, 3, 4], shape: [2, 2]) }
    }
    let snapshot = ParameterSnapshot(of: entries)
    changed.value.withUnsafeMutableElements { $0[3] = 9 }
    left.trains = .none
    changed.trains = .rows([1])
    snapshot.restore()
    #expect(left.value.elements == [1, 2, 3, 4] && left.origin != nil && left.isTrainable)
    #expect(changed.value.elements == [1, 2, 3, 4] && changed.origin != nil)
    #expect(changed.trains.chosenRows == nil)
  }
}
