// Vectors of PEFT_LANES floats, and loops over arrays with them. With PEFT_PORTABLE, any processor
// can compile vectors of 16.

#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((ext_vector_type(PEFT_LANES)));
typedef int32_t integers __attribute__((ext_vector_type(PEFT_LANES)));
typedef uint32_t words __attribute__((ext_vector_type(PEFT_LANES)));
typedef uint16_t halves __attribute__((ext_vector_type(PEFT_LANES)));
typedef double doubles __attribute__((ext_vector_type(PEFT_LANES)));

INLINE integers lane_numbers(void) {
  integers lane;
  for (int i = 0; i < PEFT_LANES; i++) lane[i] = i;
  return lane;
}

INLINE vector load(const float *x) {
  vector value;
  __builtin_memcpy(&value, x, sizeof value);
  return value;
}

INLINE void store(float *x, vector value) { __builtin_memcpy(x, &value, sizeof value); }

// The first `count` < PEFT_LANES elements, followed by zeros.
INLINE vector load_first(ptrdiff_t count, const float *x) {
#if PEFT_LANES == 16 && !defined(PEFT_PORTABLE)
  return (vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), x);
#elif PEFT_LANES == 8
  return (vector)_mm256_maskload_ps(x, (__m256i)(lane_numbers() < (int32_t)count));
#else
  vector value = 0;
  for (ptrdiff_t i = 0; i < count; i++) value[i] = x[i];
  return value;
#endif
}

INLINE void store_first(ptrdiff_t count, float *x, vector value) {
#if PEFT_LANES == 16 && !defined(PEFT_PORTABLE)
  _mm512_mask_storeu_ps(x, (__mmask16)((1u << count) - 1), (__m512)value);
#elif PEFT_LANES == 8
  _mm256_maskstore_ps(x, (__m256i)(lane_numbers() < (int32_t)count), (__m256)value);
#else
  for (ptrdiff_t i = 0; i < count; i++) x[i] = value[i];
#endif
}

// The elements of an array of n from i on, at most one vector of them. Only the last vector is
// short.
INLINE vector load_at(ptrdiff_t i, ptrdiff_t n, const float *x) {
  return i + PEFT_LANES <= n ? load(x + i) : load_first(n - i, x + i);
}

// The same for bfloat16 numbers.
INLINE vector load_bfloats_at(ptrdiff_t i, ptrdiff_t n, const uint16_t *x) {
  halves value = 0;
  if (i + PEFT_LANES <= n)
    __builtin_memcpy(&value, x + i, sizeof value);
  else
    for (ptrdiff_t lane = 0; i + lane < n; lane++) value[lane] = x[i + lane];
  return (vector)(__builtin_convertvector(value, words) << 16);
}

// The same for an array of floats, or of bfloat16 numbers.
INLINE vector load_numbers_at(bool bfloats, ptrdiff_t i, ptrdiff_t n, const void *x) {
  return bfloats ? load_bfloats_at(i, n, x) : load_at(i, n, x);
}

// The address of element i of such an array.
INLINE const void *number_at(bool bfloats, ptrdiff_t i, const void *x) {
  return (const char *)x + i * (ptrdiff_t)(bfloats ? sizeof(uint16_t) : sizeof(float));
}

INLINE void store_at(ptrdiff_t i, ptrdiff_t n, float *x, vector value) {
  if (i + PEFT_LANES <= n)
    store(x + i, value);
  else
    store_first(n - i, x + i, value);
}

#define FOR_VECTORS(i, n) for (ptrdiff_t i = 0; i < (n); i += PEFT_LANES)

// `value` where the condition holds, otherwise `otherwise`. A comparison with NaN does not hold.
INLINE vector choose(integers condition, vector value, vector otherwise) {
  return (vector)((condition & (integers)value) | (~condition & (integers)otherwise));
}

INLINE vector lower_bound(vector x, float bound) { return choose(x < bound, bound, x); }
INLINE vector upper_bound(vector x, float bound) { return choose(x > bound, bound, x); }
INLINE vector absolute(vector x) { return (vector)((integers)x & 0x7fffffff); }

// The first `count` lanes of `value`, and `other` in the remaining lanes.
INLINE vector first_lanes(ptrdiff_t count, vector value, float other) {
  return choose(lane_numbers() < (int32_t)count, value, other);
}

INLINE double sum_of_doubles(const doubles *value) {
  doubles x = *value;
#if PEFT_LANES == 16
  double __attribute__((ext_vector_type(4))) four = (x.lo.lo + x.lo.hi) + (x.hi.lo + x.hi.hi);
#elif PEFT_LANES == 8
  double __attribute__((ext_vector_type(4))) four = x.lo + x.hi;
#else
  doubles four = x;
#endif
  return (four.x + four.z) + (four.y + four.w);
}

INLINE float sum_of_lanes(vector x) {
  doubles wide = __builtin_convertvector(x, doubles);
  return (float)sum_of_doubles(&wide);
}

// The number of independent partial sums. Shorter chains of additions take less time and round
// less.
#define PARTS 4

INLINE float sum_of_parts(const vector *part) {
  return sum_of_lanes((part[0] + part[1]) + (part[2] + part[3]));
}

// y = f(x) and y = f(x, v), element by element.
INLINE void map(ptrdiff_t n, const float *x, float *y, vector (*f)(vector)) {
  ptrdiff_t i = 0;
  for (; i + PEFT_LANES <= n; i += PEFT_LANES) store(y + i, f(load(x + i)));
  if (i < n) store_first(n - i, y + i, f(load_first(n - i, x + i)));
}

INLINE void map_with(ptrdiff_t n, const float *x, const float *v, float *y,
                     vector (*f)(vector, vector)) {
  ptrdiff_t i = 0;
  for (; i + PEFT_LANES <= n; i += PEFT_LANES) store(y + i, f(load(x + i), load(v + i)));
  if (i < n) store_first(n - i, y + i, f(load_first(n - i, x + i), load_first(n - i, v + i)));
}

// e^x for x <= 88; 0 below -87.33, where it would be subnormal. Relative error below 1.5e-7.
INLINE vector exponential(vector x) {
  vector bounded = lower_bound(x, -87.33f);
  const float rounder = 0x1.8p23f;  // puts the integer part into the last bits
  vector shifted = bounded * 1.44269504f + rounder;
  vector n = shifted - rounder;
  vector r = bounded - n * 0.693359375f;  // ln 2 in two parts, the first with 9 bits
  r = r + n * 2.12194440e-4f;
  // (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2, minimax
  vector q = 0.00138144661f * r + 0.00836878084f;
  q = q * r + 0.0416683927f;
  q = q * r + 0.166665196f;
  q = q * r + 0.49999994f;
  q = q * (r * r) + r + 1.0f;
  vector power = (vector)(((integers)shifted << 23) + (127 << 23));
  return choose(x < -87.33f, 0.0f, q * power);
}
