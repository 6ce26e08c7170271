/// Where parameter gradients go during a reverse pass.
public protocol GradientSink: AnyObject {
  /// Takes one contribution to the gradient of `parameter`. A tied parameter gets several.
  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition)
}
