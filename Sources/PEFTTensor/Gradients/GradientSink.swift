/// A receiver of parameter gradients during a backward pass.
public protocol GradientSink: AnyObject {
  /// Receives one contribution to the gradient of `parameter`. A tied parameter receives several.
  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition)
}
