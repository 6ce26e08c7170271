#include <math.h>
#include <string.h>
static void add_bias(ptrdiff_t R, ptrdiff_t C, ptrdiff_t S, const float *b, float *x) {
  for (ptrdiff_t r = 0; r < R; r++) for (ptrdiff_t c = 0; c < C; c++) x[r * S + c] += b[c];
}
static void add_scaled(ptrdiff_t n, float a, const float *x, float *y) { for (ptrdiff_t i = 0; i < n; i++) y[i] += a * x[i]; }
static void scale(ptrdiff_t n, float a, float *x) { for (ptrdiff_t i = 0; i < n; i++) x[i] *= a; }
static double dot(ptrdiff_t n, const float *x, const float *y) { double s = 0; for (ptrdiff_t i = 0; i < n; i++) s += (double)x[i] * y[i]; return s; }
static bool all_finite(ptrdiff_t n, const float *x) { for (ptrdiff_t i = 0; i < n; i++) { uint32_t u; memcpy(&u, x + i, 4); if ((u & 0x7f800000u) == 0x7f800000u) return false; } return true; }
static void column_sums(ptrdiff_t R, ptrdiff_t C, ptrdiff_t S, const float *x, const float *y, bool acc, float *s) {
  for (ptrdiff_t c = 0; c < C; c++) { double t = acc ? s[c] : 0; for (ptrdiff_t r = 0; r < R; r++) t += (double)x[r * S + c] * (y ? y[r * S + c] : 1); s[c] = (float)t; }
}
#define MAP(name, e) static void name(ptrdiff_t n, const float *X, float *y) { for (ptrdiff_t i = 0; i < n; i++) { double x = X[i]; y[i] = (float)(e); } }
#define MAPD(name, e) static void name(ptrdiff_t n, const float *X, const float *v, float *y) { for (ptrdiff_t i = 0; i < n; i++) { double x = X[i]; y[i] = (float)((e) * v[i]); } }
MAP(gelu, x < -15 ? -0.0 : x * 0.5 * erfc(-x * 0.70710678118654752))
MAP(gelu_tanh, x < -15 ? -0.0 : x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x))))
MAP(tanh_, tanh(x))
MAPD(gelu_d, fabs(x) > 15 ? x > 0 : 0.5 * erfc(-x * 0.70710678118654752) + x * 0.3989422804014327 * exp(-0.5 * x * x))
static double sig(double x) { return 1 / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x))); }
MAPD(gelu_tanh_d, fabs(x) > 15 ? x > 0 : sig(x) + x * sig(x) * (1 - sig(x)) * 2 * 0.79788456080286536 * (1 + 3 * 0.044715 * x * x))
MAPD(tanh_d, 1 - x * x)
static void softmax(ptrdiff_t R, ptrdiff_t C, ptrdiff_t S, float scale, float *x, float *l) {
  for (ptrdiff_t r = 0; r < R; r++) { float *z = x + r * S; float m = -INFINITY; double s = 0;
    for (ptrdiff_t c = 0; c < C; c++) { z[c] *= scale; if (z[c] > m) m = z[c]; }
    for (ptrdiff_t c = 0; c < C; c++) s += exp(z[c] - m);
    l[r] = (float)(m + log(s)); for (ptrdiff_t c = 0; c < C; c++) z[c] = expf(z[c] - l[r]); }
}
static void softmax_lse(ptrdiff_t R, ptrdiff_t C, ptrdiff_t S, float scale, float *x, const float *l) {
  for (ptrdiff_t r = 0; r < R; r++) for (ptrdiff_t c = 0; c < C; c++) { float z = x[r * S + c] * scale; x[r * S + c] = expf(z - l[r]); }
}
static void softmax_pullback(ptrdiff_t R, ptrdiff_t C, ptrdiff_t S, float scale, const float *p, float *g) {
  for (ptrdiff_t r = 0; r < R; r++, p += S, g += S) { float s = (float)dot(C, p, g); for (ptrdiff_t c = 0; c < C; c++) g[c] = scale * p[c] * (g[c] - s); }
}
static void layer_norm(ptrdiff_t R, ptrdiff_t C, const float *x, const float *res, const float *ga, const float *be, float eps, float *y, float *nx, float *rd) {
  for (ptrdiff_t r = 0; r < R; r++) { double m = 0, v = 0; for (ptrdiff_t c = 0; c < C; c++) { nx[r*C+c] = x[r*C+c] + (res ? res[r*C+c] : 0); m += nx[r*C+c]; } m /= C;
    for (ptrdiff_t c = 0; c < C; c++) v += (nx[r*C+c] - m) * (nx[r*C+c] - m);
    rd[r] = (float)(1 / sqrt(v / C + eps)); for (ptrdiff_t c = 0; c < C; c++) { nx[r*C+c] = (float)((nx[r*C+c] - m) * rd[r]); y[r*C+c] = nx[r*C+c] * ga[c] + be[c]; } }
}
static void layer_norm_pullback(ptrdiff_t R, ptrdiff_t C, const float *d, const float *nx, const float *rd, const float *ga, float *o) {
  for (ptrdiff_t r = 0; r < R; r++, d += C, nx += C, o += C) { double a = 0, b = 0; for (ptrdiff_t c = 0; c < C; c++) { double q = d[c] * ga[c]; a += q; b += q * nx[c]; } a /= C; b /= C;
    for (ptrdiff_t c = 0; c < C; c++) o[c] = (float)(rd[r] * (d[c] * ga[c] - a - nx[c] * b)); }
}
static void layer_norm_tangent(ptrdiff_t R, ptrdiff_t C, const float *t, const float *nx, const float *rd, const float *ga, const float *dg, const float *db, float *o) {
  for (ptrdiff_t r = 0; r < R; r++, nx += C, o += C) { double a = 0, b = 0; for (ptrdiff_t c = 0; t && c < C; c++) { a += t[r*C+c]; b += t[r*C+c] * nx[c]; } a /= C; b /= C;
    for (ptrdiff_t c = 0; c < C; c++) o[c] = (float)((t ? ga[c] * rd[r] * (t[r*C+c] - a - nx[c] * b) : 0) + (dg ? nx[c] * dg[c] : 0) + (db ? db[c] : 0)); }
}
static void adamw(ptrdiff_t n, const peft_adamw *k, float *p, const float *g, float *m, float *v) {
  for (ptrdiff_t i = 0; i < n; i++) { float G = g[i] * k->gradient_scale; p[i] *= k->decay; m[i] += k->mean_weight * (G - m[i]); v[i] = v[i] * k->beta2 + k->square_weight * G * G;
    p[i] -= k->step * m[i] / (sqrtf(v[i]) / k->root_bias_correction2 + k->epsilon); }
}
static void adamw_direction(ptrdiff_t n, const peft_adamw *k, const float *g, const float *m, const float *v, float *o) {
  for (ptrdiff_t i = 0; i < n; i++) { float G = g[i] * k->gradient_scale; float M = m[i] + k->mean_weight * (G - m[i]), V = v[i] * k->beta2 + k->square_weight * G * G;
    o[i] = M / k->bias_correction1 / (sqrtf(V) / k->root_bias_correction2 + k->epsilon); }
}
static uint32_t word(uint64_t key, uint64_t site, uint64_t e) {
  uint64_t b = e / 64 * 16 + e % 16; uint32_t c[4] = {(uint32_t)b, (uint32_t)(b >> 32), (uint32_t)site, (uint32_t)(site >> 32)}, k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int i = 0; i < 10; i++) { uint64_t p = (uint64_t)c[0] * 0xD2511F53u, q = (uint64_t)c[2] * 0xCD9E8D57u;
    c[0] = (uint32_t)(q >> 32) ^ c[1] ^ k0; c[1] = (uint32_t)q; c[2] = (uint32_t)(p >> 32) ^ c[3] ^ k1; c[3] = (uint32_t)p; k0 += 0x9E3779B9u; k1 += 0xBB67AE85u; }
  return c[e % 64 / 16];
}
static void random_words(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t off, uint32_t *w) { for (ptrdiff_t i = 0; i < n; i++) w[i] = word(key, site, off + (uint64_t)i); }
static void dropout(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t off, uint32_t t, float s, const float *x, float *y) { for (ptrdiff_t i = 0; i < n; i++) y[i] = word(key, site, off + (uint64_t)i) >= t ? x[i] * s : 0; }
#include "casts.h"
const peft_kernels PEFT_TABLE = {
    .add_bias = add_bias, .add_scaled = add_scaled, .scale = scale, .dot = dot, .all_finite = all_finite, .column_sums = column_sums,
    .gelu = gelu, .gelu_tanh = gelu_tanh, .tanh = tanh_, .gelu_derivative = gelu_d, .gelu_tanh_derivative = gelu_tanh_d, .tanh_derivative = tanh_d,
    .softmax = softmax, .softmax_from_log_sum_exp = softmax_lse, .softmax_pullback = softmax_pullback,
    .layer_norm = layer_norm, .layer_norm_pullback = layer_norm_pullback, .layer_norm_tangent = layer_norm_tangent,
    .adamw = adamw, .adamw_direction = adamw_direction, .random_words = random_words, .dropout = dropout,
    .float_from_half = float_from_half, .float_from_bfloat = float_from_bfloat, .half_from_float = half_from_float, .bfloat_from_float = bfloat_from_float,
};
