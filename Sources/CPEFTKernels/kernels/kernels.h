// The kernels of one instruction set. The including file defines the number of floats in a vector
// (PEFT_LANES) and the name of the table (PEFT_TABLE).

#include "vectors.h"

#include "activations.h"
#include "adamw.h"
#include "casts.h"
#include "layer_norm.h"
#include "linear.h"
#include "product.h"
#include "random.h"
#include "rms_norm.h"
#include "rotary.h"
#include "softmax.h"

// The entries for these kernels in a table, except those of a product, which follow as arguments.
#define KERNELS(...) {                                     \
    .add_bias = add_bias,                                  \
    .add_scaled = add_scaled,                              \
    .scale = scale,                                        \
    .multiply = multiply,                                  \
    .dot = dot,                                            \
    .sampled_products = sampled_products,                  \
    .row_products = row_products,                          \
    .bfloat_row_products = bfloat_row_products,            \
    .panel = PANEL,                                        \
    .pack_panel_of_bfloats = pack_panel_of_bfloats,        \
    .all_finite = all_finite,                              \
    .column_sums = column_sums,                            \
    .gelu = gelu,                                          \
    .gelu_tanh = gelu_tanh,                                \
    .tanh = hyperbolic_tangent,                            \
    .silu = silu,                                          \
    .relu = relu,                                          \
    .gelu_derivative = gelu_derivative,                    \
    .gelu_tanh_derivative = gelu_tanh_derivative,          \
    .tanh_derivative = tanh_derivative,                    \
    .silu_derivative = silu_derivative,                    \
    .relu_derivative = relu_derivative,                    \
    .softmax = softmax,                                    \
    .softmax_from_log_sum_exp = softmax_from_log_sum_exp,  \
    .softmax_pullback = softmax_pullback,                  \
    .layer_norm = layer_norm,                              \
    .layer_norm_pullback = layer_norm_pullback,            \
    .layer_norm_tangent = layer_norm_tangent,              \
    .rms_norm = rms_norm,                                  \
    .rms_norm_pullback = rms_norm_pullback,                \
    .rms_norm_tangent = rms_norm_tangent,                  \
    .rotate = rotate,                                      \
    .adamw = adamw,                                        \
    .adamw_direction = adamw_direction,                    \
    .random_words = random_words,                          \
    .dropout = dropout,                                    \
    .float_from_half = float_from_half,                    \
    .float_from_bfloat = float_from_bfloat,                \
    .half_from_float = half_from_float,                    \
    .bfloat_from_float = bfloat_from_float,                \
    __VA_ARGS__}

const peft_kernels PEFT_TABLE = KERNELS(.pair_rows = 1, .pack_panel = pack_panel, .product = product);
