// Layer norm of the rows of a matrix, y = gamma * x^ + beta, and its two derivatives.

// normalized <- x + residual; returns the sum of its elements.
INLINE float residual_sum(ptrdiff_t n, const float *x, const float *residual, float *sums) {
  vector part[PARTS] = {0, 0, 0, 0};
  ptrdiff_t i = 0;
  for (; i + PARTS * PEFT_LANES <= n; i += PARTS * PEFT_LANES)
    for (int k = 0; k < PARTS; k++) {
      ptrdiff_t at = i + k * PEFT_LANES;
      vector s = residual ? load(x + at) + load(residual + at) : load(x + at);
      store(sums + at, s);
      part[k] += s;
    }
  for (; i < n; i += PEFT_LANES) {
    vector s = load_at(i, n, x);
    if (residual) s += load_at(i, n, residual);
    store_at(i, n, sums, s);
    part[0] += s;
  }
  return sum_of_parts(part);
}

// The sums of s - shift and of (s - shift)^2.
INLINE void moments(ptrdiff_t n, const float *s, float shift, float *sum, float *square_sum) {
  vector first[PARTS] = {0, 0, 0, 0}, second[PARTS] = {0, 0, 0, 0};
  ptrdiff_t i = 0;
  for (; i + PARTS * PEFT_LANES <= n; i += PARTS * PEFT_LANES)
    for (int k = 0; k < PARTS; k++) {
      vector d = load(s + i + k * PEFT_LANES) - shift;
      first[k] += d;
      second[k] += d * d;
    }
  for (; i < n; i += PEFT_LANES) {
    vector d = load_at(i, n, s) - shift;
    if (i + PEFT_LANES > n) d = first_lanes(n - i, d, 0);
    first[0] += d;
    second[0] += d * d;
  }
  *sum = sum_of_parts(first);
  *square_sum = sum_of_parts(second);
}

// The mean is rounded once. The mean of s minus that rounded mean then corrects both the variance
// and the result, so rows far from zero lose no precision.
static void layer_norm(ptrdiff_t rows, ptrdiff_t columns, const float *x, const float *residual,
                       const float *gamma, const float *beta, float epsilon, float *y,
                       float *normalized, float *inverse_deviation) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float mean = residual_sum(columns, x, residual, normalized) / (float)columns;
    float sum, square_sum;
    moments(columns, normalized, mean, &sum, &square_sum);
    double rest = (double)sum / (double)columns;
    double variance = (double)square_sum / (double)columns - rest * rest;
    float inverse = (float)(1 / __builtin_sqrt(variance + (double)epsilon));
    inverse_deviation[row] = inverse;
    FOR_VECTORS(i, columns) {
      vector centred = load_at(i, columns, normalized) - mean - (float)rest;
      vector value = centred * inverse;
      store_at(i, columns, normalized, value);
      store_at(i, columns, y, value * load_at(i, columns, gamma) + load_at(i, columns, beta));
    }
    x += columns;
    if (residual) residual += columns;
    y += columns;
    normalized += columns;
  }
}

// The means of a * b and of a * b * c; b may be NULL.
INLINE void means_of_products(ptrdiff_t n, const float *a, const float *b, const float *c,
                              float *mean, float *product_mean) {
  vector first[PARTS] = {0, 0, 0, 0}, second[PARTS] = {0, 0, 0, 0};
  ptrdiff_t i = 0;
  for (; i + PARTS * PEFT_LANES <= n; i += PARTS * PEFT_LANES)
    for (int k = 0; k < PARTS; k++) {
      ptrdiff_t at = i + k * PEFT_LANES;
      vector value = b ? load(a + at) * load(b + at) : load(a + at);
      first[k] += value;
      second[k] += value * load(c + at);
    }
  for (; i < n; i += PEFT_LANES) {
    vector value = load_at(i, n, a);
    if (b) value *= load_at(i, n, b);
    first[0] += value;
    second[0] += value * load_at(i, n, c);
  }
  *mean = sum_of_parts(first) / (float)n;
  *product_mean = sum_of_parts(second) / (float)n;
}

static void layer_norm_pullback(ptrdiff_t rows, ptrdiff_t columns, const float *cotangent,
                                const float *normalized, const float *inverse_deviation,
                                const float *gamma, float *result) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float mean, product_mean;
    means_of_products(columns, cotangent, gamma, normalized, &mean, &product_mean);
    FOR_VECTORS(i, columns) {
      vector value = load_at(i, columns, cotangent) * load_at(i, columns, gamma) - mean -
                     load_at(i, columns, normalized) * product_mean;
      store_at(i, columns, result, value * inverse_deviation[row]);
    }
    cotangent += columns;
    normalized += columns;
    result += columns;
  }
}

static void layer_norm_tangent(ptrdiff_t rows, ptrdiff_t columns, const float *tangent,
                               const float *normalized, const float *inverse_deviation,
                               const float *gamma, const float *gamma_tangent,
                               const float *beta_tangent, float *result) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float mean = 0, product_mean = 0;
    if (tangent)
      means_of_products(columns, tangent, NULL, normalized, &mean, &product_mean);
    FOR_VECTORS(i, columns) {
      vector x = load_at(i, columns, normalized), value = 0;
      if (tangent) {
        value = load_at(i, columns, tangent) - mean - x * product_mean;
        value *= load_at(i, columns, gamma) * inverse_deviation[row];
      }
      if (beta_tangent) value += load_at(i, columns, beta_tangent);
      if (gamma_tangent) value += x * load_at(i, columns, gamma_tangent);
      store_at(i, columns, result, value);
    }
    if (tangent) tangent += columns;
    normalized += columns;
    result += columns;
  }
}
