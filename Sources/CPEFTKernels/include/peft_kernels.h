#pragma once
// The vector kernels take float32 arrays of any alignment and any n >= 0, allocate nothing and
// start no threads. Matrices are row-major; `stride` is the distance between the starts of two
// rows. In an element-wise kernel, an input and an output may be the same array; otherwise they
// must not overlap.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The constants of one AdamW step; `mean_weight` is 1 - beta1, `square_weight` is 1 - beta2,
/// `step` is lr / (1 - beta1^t), `decay` is 1 - lr * weight decay.
typedef struct {
  float gradient_scale, mean_weight, beta2, square_weight, bias_correction1, root_bias_correction2;
  float epsilon, step, decay;
} peft_adamw;

/// C [rows, columns] = (C +) scale * op(A) B (+ bias). op(A) [rows, inner] is A as stored or its
/// transpose. B [inner, columns] is stored in panels: row k of panel j is at panels + j *
/// panel_stride + k * panel_step and is `panel` numbers wide, so that full rows of the last panel
/// can be read too. The bias has one element for each column. Without `accumulate`, C is only
/// written. An empty sum is not allowed: inner must be positive.
///
/// In bfloat16, A and B are rounded to bfloat16, products are exact and sums are in float32. Panels
/// then hold pairs: row k of a panel has elements 2k and 2k + 1 of the sum in the halves of its
/// words. After the last row, rows of zeros fill the panel up to a multiple of the kernels'
/// `pair_rows`.
typedef struct {
  bool bfloat;
  ptrdiff_t rows, columns, inner;
  const float *a;
  ptrdiff_t a_stride;
  bool a_transposed;
  const float *panels;
  ptrdiff_t panel_stride, panel_step;
  float scale;
  bool accumulate;
  const float *_Nullable bias;
  float *c;
  ptrdiff_t c_stride;
} peft_product;

/// An element-wise map.
typedef void (*peft_map)(ptrdiff_t n, const float *x, float *y);
/// An element-wise derivative: y = f'(x) * v, where x is the value from which the derivative is
/// computed.
typedef void (*peft_map_derivative)(ptrdiff_t n, const float *x, const float *v, float *y);

/// The kernels of one instruction set.
typedef struct {
  // kernels/linear.h
  void (*add_bias)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *bias, float *x);
  void (*add_scaled)(ptrdiff_t n, float a, const float *x, float *y);
  void (*scale)(ptrdiff_t n, float a, float *x);
  void (*multiply)(ptrdiff_t n, const float *x, const float *y, float *z);
  double (*dot)(ptrdiff_t n, const float *x, const float *y);
  void (*sampled_products)(ptrdiff_t tokens, ptrdiff_t count, const int32_t *rows,
                           const int32_t *columns, const float *left, ptrdiff_t left_stride,
                           const float *right, ptrdiff_t right_stride, double *sums);
  void (*row_products)(ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inner, float scale,
                       const float *x, const float *w, float *y, ptrdiff_t y_stride);
  void (*bfloat_row_products)(ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inner, float scale,
                              const float *x, const uint16_t *w, float *y, ptrdiff_t y_stride);
  bool (*all_finite)(ptrdiff_t n, const float *x);
  void (*column_sums)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *x,
                      const float *_Nullable y, bool accumulate, float *sums);
  // kernels/product.h, and for tiles kernels/tile_product.h
  ptrdiff_t panel, pair_rows;
  void (*pack_panel)(ptrdiff_t width, ptrdiff_t inner, const float *b, ptrdiff_t b_stride,
                     bool b_transposed, bool bfloat, float *panel);
  void (*pack_panel_of_bfloats)(ptrdiff_t width, ptrdiff_t inner, const uint16_t *b,
                                ptrdiff_t b_stride, bool b_transposed, float *panel);
  void (*product)(const peft_product *p);
  // kernels/activations.h
  peft_map gelu, gelu_tanh, tanh, silu, relu;
  peft_map_derivative gelu_derivative, gelu_tanh_derivative, tanh_derivative, silu_derivative,
      relu_derivative;
  // kernels/softmax.h
  void (*softmax)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float scale, float *x,
                  float *log_sum_exp);
  void (*softmax_from_log_sum_exp)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float scale,
                                   float *x, const float *log_sum_exp);
  void (*softmax_pullback)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float scale,
                           const float *p, float *g);
  // kernels/layer_norm.h
  void (*layer_norm)(ptrdiff_t rows, ptrdiff_t columns, const float *x,
                     const float *_Nullable residual, const float *gamma, const float *beta,
                     float epsilon, float *y, float *normalized, float *inverse_deviation);
  void (*layer_norm_pullback)(ptrdiff_t rows, ptrdiff_t columns, const float *cotangent,
                              const float *normalized, const float *inverse_deviation,
                              const float *gamma, float *result);
  void (*layer_norm_tangent)(ptrdiff_t rows, ptrdiff_t columns, const float *_Nullable tangent,
                             const float *normalized, const float *inverse_deviation,
                             const float *gamma, const float *_Nullable gamma_tangent,
                             const float *_Nullable beta_tangent, float *result);
  // kernels/rms_norm.h
  void (*rms_norm)(ptrdiff_t rows, ptrdiff_t columns, const float *x,
                   const float *_Nullable residual, const float *gamma, float epsilon, float *y,
                   float *normalized, float *inverse_deviation);
  void (*rms_norm_pullback)(ptrdiff_t rows, ptrdiff_t columns, const float *cotangent,
                            const float *normalized, const float *inverse_deviation,
                            const float *gamma, float *result);
  void (*rms_norm_tangent)(ptrdiff_t rows, ptrdiff_t columns, const float *_Nullable tangent,
                           const float *normalized, const float *inverse_deviation,
                           const float *gamma, const float *_Nullable gamma_tangent,
                           float *result);
  // kernels/rotary.h; y may be x
  void (*rotate)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t half, const int32_t *positions,
                 const float *cosines, const float *sines, bool backwards, const float *x,
                 float *y);
  // kernels/adamw.h
  void (*adamw)(ptrdiff_t n, const peft_adamw *constants, float *p, const float *g, float *m,
                float *v);
  void (*adamw_direction)(ptrdiff_t n, const peft_adamw *constants, const float *g, const float *m,
                          const float *v, float *direction);
  // kernels/random.h
  void (*random_words)(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t offset, uint32_t *words);
  void (*dropout)(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t offset, uint32_t threshold,
                  float scale, const float *x, float *y);
  // kernels/casts.h
  void (*float_from_half)(ptrdiff_t n, const uint16_t *x, float *y);
  void (*float_from_bfloat)(ptrdiff_t n, const uint16_t *x, float *y);
  void (*half_from_float)(ptrdiff_t n, const float *x, uint16_t *y);
  void (*bfloat_from_float)(ptrdiff_t n, const float *x, uint16_t *y);
} peft_kernels;

/// The instruction sets for which the kernels are compiled, from least to most capable. On
/// processors other than x86-64, only the first exists.
typedef enum { PEFT_BASELINE, PEFT_AVX2, PEFT_AVX512, PEFT_AVX512_BF16, PEFT_AMX } peft_isa;

/// The kernels of `isa`, or NULL if this processor does not support it. With PEFT_AMX, bfloat16
/// products run in tiles, and all other kernels are those of AVX512_BF16. Also returns NULL for
/// PEFT_AMX if the system does not let this process use tiles, or if their products disagree with
/// those of AVX-512.
const peft_kernels *_Nullable peft_kernels_for(peft_isa isa);

/// Whether the bfloat16 products of `kernels` and `others` agree bit for bit, on integers and odd
/// shapes. Both must have panels of the same width. Takes about a millisecond.
bool peft_products_agree(const peft_kernels *kernels, const peft_kernels *others);

#pragma clang assume_nonnull end
