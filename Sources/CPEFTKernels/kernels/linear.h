// Sums, products and scalings.

static void add_bias(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *bias,
                     float *x) {
  for (ptrdiff_t row = 0; row < rows; row++, x += stride)
    for (ptrdiff_t i = 0; i < columns; i++) x[i] += bias[i];
}

static void add_scaled(ptrdiff_t n, float a, const float *x, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void scale(ptrdiff_t n, float a, float *x) {
  for (ptrdiff_t i = 0; i < n; i++) x[i] *= a;
}

static void multiply(ptrdiff_t n, const float *x, const float *y, float *z) {
  for (ptrdiff_t i = 0; i < n; i++) z[i] = x[i] * y[i];
}

static double dot(ptrdiff_t n, const float *x, const float *y) {
  doubles sums[2] = {0, 0};
  ptrdiff_t i = 0;
  for (; i + 2 * PEFT_LANES <= n; i += 2 * PEFT_LANES)
    for (int part = 0; part < 2; part++)
      sums[part] += __builtin_convertvector(load(x + i + part * PEFT_LANES), doubles) *
                    __builtin_convertvector(load(y + i + part * PEFT_LANES), doubles);
  sums[0] += sums[1];
  double sum = sum_of_doubles(&sums[0]);
  for (; i < n; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}

#define TOKENS_TOGETHER 4

// sums[k] += sum over the tokens t, in order, of left[t][rows[k]] * right[t][columns[k]].
static void sampled_products(ptrdiff_t tokens, ptrdiff_t count, const int32_t *rows,
                             const int32_t *columns, const float *left, ptrdiff_t left_stride,
                             const float *right, ptrdiff_t right_stride, double *sums) {
  for (; tokens >= TOKENS_TOGETHER; tokens -= TOKENS_TOGETHER) {
    for (ptrdiff_t k = 0; k < count; k++) {
      const float *x = left + rows[k], *y = right + columns[k];
      double sum = sums[k];
      for (ptrdiff_t t = 0; t < TOKENS_TOGETHER; t++)
        sum += (double)x[t * left_stride] * (double)y[t * right_stride];
      sums[k] = sum;
    }
    left += TOKENS_TOGETHER * left_stride;
    right += TOKENS_TOGETHER * right_stride;
  }
  for (; tokens > 0; tokens--, left += left_stride, right += right_stride)
    for (ptrdiff_t k = 0; k < count; k++)
      sums[k] += (double)left[rows[k]] * (double)right[columns[k]];
}

#define OUTPUTS_TOGETHER 4

// The products of one row of x with `count` rows of w, which has floats or bfloat16 numbers. The
// order of summation does not depend on `count`.
INLINE void some_products(bool bfloats, ptrdiff_t count, ptrdiff_t inner, float scale,
                          const float *x, const void *w, float *y) {
  vector part[OUTPUTS_TOGETHER][2];
  for (ptrdiff_t k = 0; k < count; k++) part[k][0] = part[k][1] = 0;
  ptrdiff_t i = 0;
  for (; i + 2 * PEFT_LANES <= inner; i += 2 * PEFT_LANES)
    for (int half = 0; half < 2; half++) {
      vector value = load(x + i + half * PEFT_LANES);
      for (ptrdiff_t k = 0; k < count; k++)
        part[k][half] += value * load_numbers_at(bfloats, i + half * PEFT_LANES, inner,
                                                 number_at(bfloats, k * inner, w));
    }
  for (; i < inner; i += PEFT_LANES) {
    vector value = load_at(i, inner, x);
    for (ptrdiff_t k = 0; k < count; k++)
      part[k][0] += value * load_numbers_at(bfloats, i, inner, number_at(bfloats, k * inner, w));
  }
  for (ptrdiff_t k = 0; k < count; k++)
    y[k] = scale * sum_of_lanes(part[k][0] + part[k][1]);
}

// y [rows, outputs] = scale * x [rows, inner] w [outputs, inner]^T, for few rows: w is read only
// once.
INLINE void all_row_products(bool bfloats, ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inner,
                             float scale, const float *x, const void *w, float *y,
                             ptrdiff_t y_stride) {
  ptrdiff_t output = 0;
  for (; output + OUTPUTS_TOGETHER <= outputs; output += OUTPUTS_TOGETHER)
    for (ptrdiff_t row = 0; row < rows; row++)
      some_products(bfloats, OUTPUTS_TOGETHER, inner, scale, x + row * inner,
                    number_at(bfloats, output * inner, w), y + row * y_stride + output);
  for (; output < outputs; output++)
    for (ptrdiff_t row = 0; row < rows; row++)
      some_products(bfloats, 1, inner, scale, x + row * inner,
                    number_at(bfloats, output * inner, w), y + row * y_stride + output);
}

static void row_products(ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inner, float scale,
                         const float *x, const float *w, float *y, ptrdiff_t y_stride) {
  all_row_products(false, rows, outputs, inner, scale, x, w, y, y_stride);
}

static void bfloat_row_products(ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inner, float scale,
                                const float *x, const uint16_t *w, float *y, ptrdiff_t y_stride) {
  all_row_products(true, rows, outputs, inner, scale, x, w, y, y_stride);
}

static bool all_finite(ptrdiff_t n, const float *x) {
  integers infinite = 0;
  FOR_VECTORS(i, n) infinite |= ((integers)load_at(i, n, x) & 0x7f800000) == 0x7f800000;
  for (int lane = 0; lane < PEFT_LANES; lane++)
    if (infinite[lane]) return false;
  return true;
}

#define ROWS_IN_A_PART 16

// The sums of `vectors` vectors of columns. The result of a column does not depend on its
// neighbours.
INLINE void strip_sums(ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t stride, const float *x,
                       const float *y, bool accumulate, float *sums) {
  doubles total[4];
  for (ptrdiff_t k = 0; k < vectors; k++)
    total[k] = accumulate ? __builtin_convertvector(load(sums + k * PEFT_LANES), doubles) : 0;
  for (ptrdiff_t first = 0; first < rows; first += ROWS_IN_A_PART) {
    ptrdiff_t last = first + ROWS_IN_A_PART < rows ? first + ROWS_IN_A_PART : rows;
    vector part[4] = {0, 0, 0, 0};
    for (ptrdiff_t row = first; row < last; row++)
      for (ptrdiff_t k = 0; k < vectors; k++) {
        vector value = load(x + row * stride + k * PEFT_LANES);
        part[k] += y ? value * load(y + row * stride + k * PEFT_LANES) : value;
      }
    for (ptrdiff_t k = 0; k < vectors; k++) total[k] += __builtin_convertvector(part[k], doubles);
  }
  for (ptrdiff_t k = 0; k < vectors; k++)
    store(sums + k * PEFT_LANES, __builtin_convertvector(total[k], vector));
}

INLINE void all_column_sums(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *x,
                            const float *y, bool accumulate, float *sums) {
  ptrdiff_t i = 0;
  for (; i + 4 * PEFT_LANES <= columns; i += 4 * PEFT_LANES)
    strip_sums(rows, 4, stride, x + i, y ? y + i : NULL, accumulate, sums + i);
  for (; i + PEFT_LANES <= columns; i += PEFT_LANES)
    strip_sums(rows, 1, stride, x + i, y ? y + i : NULL, accumulate, sums + i);
  if (i == columns) return;
  ptrdiff_t rest = columns - i;
  doubles total = accumulate ? __builtin_convertvector(load_first(rest, sums + i), doubles) : 0;
  for (ptrdiff_t first = 0; first < rows; first += ROWS_IN_A_PART) {
    ptrdiff_t last = first + ROWS_IN_A_PART < rows ? first + ROWS_IN_A_PART : rows;
    vector part = 0;
    for (ptrdiff_t row = first; row < last; row++) {
      vector value = load_first(rest, x + row * stride + i);
      part += y ? value * load_first(rest, y + row * stride + i) : value;
    }
    total += __builtin_convertvector(part, doubles);
  }
  store_first(rest, sums + i, __builtin_convertvector(total, vector));
}

static void column_sums(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *x,
                        const float *y, bool accumulate, float *sums) {
  if (y)
    all_column_sums(rows, columns, stride, x, y, accumulate, sums);
  else
    all_column_sums(rows, columns, stride, x, NULL, accumulate, sums);
}
