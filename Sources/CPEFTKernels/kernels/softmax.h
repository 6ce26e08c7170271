// Softmax of the rows of a matrix, computed from scaled scores z = scale * x.

// Ignores NaN, which makes the sum of exponentials NaN in any case.
INLINE float scaled_maximum(ptrdiff_t n, float scale, const float *x) {
  vector part[PARTS];
  for (int k = 0; k < PARTS; k++) part[k] = -__builtin_inff();
  ptrdiff_t i = 0;
  for (; i + PARTS * PEFT_LANES <= n; i += PARTS * PEFT_LANES)
    for (int k = 0; k < PARTS; k++) {
      vector z = scale * load(x + i + k * PEFT_LANES);
      part[k] = choose(z > part[k], z, part[k]);
    }
  for (; i + PEFT_LANES <= n; i += PEFT_LANES) {
    vector z = scale * load(x + i);
    part[0] = choose(z > part[0], z, part[0]);
  }
  if (i < n) {
    vector z = first_lanes(n - i, scale * load_first(n - i, x + i), -__builtin_inff());
    part[0] = choose(z > part[0], z, part[0]);
  }
  vector left = choose(part[0] > part[1], part[0], part[1]);
  vector right = choose(part[2] > part[3], part[2], part[3]);
  return __builtin_reduce_max(choose(left > right, left, right));
}

// The sum of e^(z - shift).
INLINE float exponential_sum(ptrdiff_t n, float scale, const float *x, float shift) {
  vector part[PARTS] = {0, 0, 0, 0};
  ptrdiff_t i = 0;
  for (; i + PARTS * PEFT_LANES <= n; i += PARTS * PEFT_LANES)
    for (int k = 0; k < PARTS; k++)
      part[k] += exponential(scale * load(x + i + k * PEFT_LANES) - shift);
  for (; i + PEFT_LANES <= n; i += PEFT_LANES)
    part[0] += exponential(scale * load(x + i) - shift);
  if (i < n)
    part[1] += first_lanes(n - i, exponential(scale * load_first(n - i, x + i) - shift), 0);
  return sum_of_parts(part);
}

INLINE void softmax_row(ptrdiff_t n, float scale, float *x, float log_sum_exp) {
  ptrdiff_t i = 0;
  for (; i + PEFT_LANES <= n; i += PEFT_LANES)
    store(x + i, exponential(scale * load(x + i) - log_sum_exp));
  if (i < n)
    store_first(n - i, x + i, exponential(scale * load_first(n - i, x + i) - log_sum_exp));
}

// Several rows go through each pass together. The passes of one row depend on each other, those of
// different rows do not.
#define ROWS_TOGETHER 16

static void softmax(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float scale, float *x,
                    float *log_sum_exp) {
  for (ptrdiff_t first = 0; first < rows; first += ROWS_TOGETHER) {
    ptrdiff_t count = rows - first < ROWS_TOGETHER ? rows - first : ROWS_TOGETHER;
    float maximum[ROWS_TOGETHER], sum[ROWS_TOGETHER];
    for (ptrdiff_t row = 0; row < count; row++)
      maximum[row] = scaled_maximum(columns, scale, x + row * stride);
    for (ptrdiff_t row = 0; row < count; row++)
      sum[row] = exponential_sum(columns, scale, x + row * stride, maximum[row]);
    for (ptrdiff_t row = 0; row < count; row++)
      log_sum_exp[first + row] =
          (float)((double)maximum[row] + __builtin_log((double)sum[row]));
    for (ptrdiff_t row = 0; row < count; row++, x += stride)
      softmax_row(columns, scale, x, log_sum_exp[first + row]);
  }
}

static void softmax_from_log_sum_exp(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                                     float scale, float *x, const float *log_sum_exp) {
  for (ptrdiff_t row = 0; row < rows; row++, x += stride)
    softmax_row(columns, scale, x, log_sum_exp[row]);
}

static void softmax_pullback(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float scale,
                             const float *p, float *g) {
  for (ptrdiff_t row = 0; row < rows; row++, p += stride, g += stride) {
    vector part[PARTS] = {0, 0, 0, 0};
    ptrdiff_t i = 0;
    for (; i + PARTS * PEFT_LANES <= columns; i += PARTS * PEFT_LANES)
      for (int k = 0; k < PARTS; k++)
        part[k] += load(p + i + k * PEFT_LANES) * load(g + i + k * PEFT_LANES);
    for (; i < columns; i += PEFT_LANES)
      part[0] += load_at(i, columns, p) * load_at(i, columns, g);
    float mean = sum_of_parts(part);
    for (ptrdiff_t j = 0; j < columns; j++) g[j] = scale * p[j] * (g[j] - mean);
  }
}
