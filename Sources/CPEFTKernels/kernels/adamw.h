// One AdamW step in PyTorch's order of operations, and the direction of the next step.

typedef struct {
  vector mean, mean_square;
} moment_pair;

INLINE moment_pair updated_moments(const peft_adamw *k, vector g, vector m, vector v) {
  g *= k->gradient_scale;
  moment_pair result = {
      .mean = m + k->mean_weight * (g - m),
      .mean_square = v * k->beta2 + k->square_weight * g * g,
  };
  return result;
}

INLINE vector denominator(const peft_adamw *k, vector v) {
  return __builtin_elementwise_sqrt(v) / k->root_bias_correction2 + k->epsilon;
}

static void adamw(ptrdiff_t n, const peft_adamw *constants, float *p, const float *g, float *m,
                  float *v) {
  const peft_adamw k = *constants;
  FOR_VECTORS(i, n) {
    moment_pair moment =
        updated_moments(&k, load_at(i, n, g), load_at(i, n, m), load_at(i, n, v));
    store_at(i, n, m, moment.mean);
    store_at(i, n, v, moment.mean_square);
    vector step = k.step * moment.mean / denominator(&k, moment.mean_square);
    store_at(i, n, p, load_at(i, n, p) * k.decay - step);
  }
}

static void adamw_direction(ptrdiff_t n, const peft_adamw *constants, const float *g,
                            const float *m, const float *v, float *direction) {
  const peft_adamw k = *constants;
  FOR_VECTORS(i, n) {
    moment_pair moment =
        updated_moments(&k, load_at(i, n, g), load_at(i, n, m), load_at(i, n, v));
    store_at(i, n, direction,
             moment.mean / k.bias_correction1 / denominator(&k, moment.mean_square));
  }
}
