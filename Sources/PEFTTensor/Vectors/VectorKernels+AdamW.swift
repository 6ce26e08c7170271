import CPEFTKernels

extension VectorKernels {
  /// The constants of AdamW step t.
  package struct AdamWConstants: Hashable, Sendable {
    /// lr.
    package var learningRate: Double
    /// β₁.
    package var beta1: Double
    /// β₂.
    package var beta2: Double
    /// ε.
    package var epsilon: Double
    /// λ, the decoupled decay.
    package var weightDecay: Double
    /// 1 − β₁ᵗ.
    package var biasCorrection1: Double
    /// 1 − β₂ᵗ.
    package var biasCorrection2: Double
    /// The factor by which the gradient is multiplied first.
    package var gradientScale: Double

    /// Creates the constants of one step.
    package init(
      learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
      biasCorrection1: Double, biasCorrection2: Double, gradientScale: Double
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.biasCorrection1 = biasCorrection1
      self.biasCorrection2 = biasCorrection2
      self.gradientScale = gradientScale
    }

    /// 1 − lr λ, the factor by which weight decay multiplies a parameter.
    var decay: Float { Float(1 - learningRate * weightDecay) }

    fileprivate var combined: peft_adamw {
      peft_adamw(
        gradient_scale: Float(gradientScale), mean_weight: Float(1 - beta1), beta2: Float(beta2),
        square_weight: Float(1 - beta2), bias_correction1: Float(biasCorrection1),
        root_bias_correction2: Float(biasCorrection2.squareRoot()), epsilon: Float(epsilon),
        step: Float(learningRate / biasCorrection1),
        decay: decay)
    }
  }

  /// Takes one step in place, in PyTorch's order of operations, with g the scaled gradient.
  ///
  ///     p ← p (1 − lr λ);  m ← m + (1 − β₁) (g − m);  v ← β₂ v + (1 − β₂) g²
  ///     p ← p − (lr / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)
  package func adamW(
    count: Int, _ constants: AdamWConstants, parameters: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>,
    meanSquare: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: constants.combined) {
      functions.adamw(count, $0, parameters, gradient, mean, meanSquare)
    }
  }

  /// result = (m / (1 − β₁ᵗ)) / (√v / √(1 − β₂ᵗ) + ε), with m and v as `adamW` would write them.
  package func adamWDirection(
    count: Int, _ constants: AdamWConstants, gradient: UnsafePointer<Float>,
    mean: UnsafePointer<Float>, meanSquare: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: constants.combined) {
      functions.adamw_direction(count, $0, gradient, mean, meanSquare, result)
    }
  }
}
