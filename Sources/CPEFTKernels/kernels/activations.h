// GELU, its tanh approximation, tanh, SiLU, and ReLU. In float32, the first three equal their
// limits beyond |x| = 15.

// The upper tail of the normal distribution for 0 <= a <= 15: 1 - Phi(a) = e^(-a^2/2)
// R(1 / (1 + a/4)). The factor e^(a^2/2) (1 - Phi(a)), which is Mills's ratio over sqrt(2 pi), is
// smooth in 1 / (1 + a/4), and R is its minimax polynomial, with a relative error of 7e-9 up to
// a = 5.6. Also computes e^(-a^2/2).
INLINE vector normal_tail(vector a, vector *gaussian) {
  vector t = 1.0f / (1.0f + 0.25f * a);
  vector r = 0.0358081497f * t - 0.206081942f;
  r = r * t + 0.417775422f;
  r = r * t - 0.363098204f;
  r = r * t + 0.328462243f;
  r = r * t - 0.0328644551f;
  r = r * t + 0.125736058f;
  r = r * t + 0.0939612612f;
  r = r * t + 0.100327902f;
  r = r * t - 2.64403625e-05f;
  *gaussian = exponential(-0.5f * a * a);
  return *gaussian * r;
}

INLINE vector gelu_of(vector x) {
  x = lower_bound(x, -15.0f);
  vector gaussian;
  vector tail = normal_tail(upper_bound(absolute(x), 15.0f), &gaussian);
  return x * choose(x < 0.0f, tail, 1.0f - tail);
}

INLINE vector gelu_derivative_of(vector x, vector v) {
  x = upper_bound(lower_bound(x, -15.0f), 15.0f);
  vector gaussian;
  vector tail = normal_tail(absolute(x), &gaussian);
  vector distribution = choose(x < 0.0f, tail, 1.0f - tail);
  return (distribution + x * gaussian * 0.398942280f) * v;
}

// (1 + tanh u) / 2 = 1 / (1 + e^(-2u)) = (u < 0 ? e : 1) / (1 + e) with e = e^(-2|u|) and 2u = 2
// sqrt(2 / pi) (x + 0.044715 x^3).
INLINE vector gelu_tanh_of(vector x) {
  x = lower_bound(x, -15.0f);
  vector u = x * (1.59576912f + 0.0713548162f * (x * x));
  vector e = exponential(-absolute(u));
  return x * (choose(u < 0.0f, e, 1.0f) / (1.0f + e));
}

INLINE vector gelu_tanh_derivative_of(vector x, vector v) {
  x = upper_bound(lower_bound(x, -15.0f), 15.0f);
  vector square = x * x;
  vector u = x * (1.59576912f + 0.0713548162f * square);
  vector e = exponential(-absolute(u));
  vector reciprocal = 1.0f / (1.0f + e);
  vector logistic = choose(u < 0.0f, e, 1.0f) * reciprocal;
  vector slope = e * reciprocal * reciprocal;  // of the logistic function
  return (logistic + x * slope * (1.59576912f + 0.214064449f * square)) * v;
}

// x + x^3 P(x^2) with P minimax up to |x| = 0.6; beyond that (1 - e) / (1 + e) with e = e^(-2|x|).
INLINE vector tanh_of(vector x) {
  vector square = x * x;
  vector p = -0.00589514105f * square + 0.0207959581f;
  p = p * square - 0.0537838265f;
  p = p * square + 0.133319244f;
  p = p * square - 0.333332986f;
  vector small = x + x * square * p;
  vector size = absolute(x);
  vector e = exponential(-2.0f * upper_bound(size, 15.0f));
  vector large = (1.0f - e) / (1.0f + e);
  large = (vector)((integers)large | ((integers)x & (integers)0x80000000));
  return choose(size < 0.6f, small, large);
}

INLINE vector tanh_derivative_of(vector output, vector v) {
  return (1.0f - output) * (1.0f + output) * v;
}

// 1 / (1 + e^(-x)) = (x < 0 ? e : 1) / (1 + e) with e = e^(-|x|), which is 0 beyond |x| = 87.33.
INLINE vector silu_of(vector x) {
  x = lower_bound(x, -88.0f);
  vector e = exponential(-absolute(x));
  return x * (choose(x < 0.0f, e, 1.0f) / (1.0f + e));
}

INLINE vector silu_derivative_of(vector x, vector v) {
  x = upper_bound(lower_bound(x, -88.0f), 88.0f);
  vector e = exponential(-absolute(x));
  vector reciprocal = 1.0f / (1.0f + e);
  vector logistic = choose(x < 0.0f, e, 1.0f) * reciprocal;
  return (logistic + x * (e * reciprocal * reciprocal)) * v;
}

// NaN is neither below nor above 0, and stays.
INLINE vector relu_of(vector x) { return choose(x < 0.0f, 0.0f, x); }

INLINE vector relu_derivative_of(vector x, vector v) {
  return choose(x <= 0.0f, 0.0f, choose(x > 0.0f, v, x));
}

static void gelu(ptrdiff_t n, const float *x, float *y) { map(n, x, y, gelu_of); }
static void gelu_tanh(ptrdiff_t n, const float *x, float *y) { map(n, x, y, gelu_tanh_of); }
static void hyperbolic_tangent(ptrdiff_t n, const float *x, float *y) { map(n, x, y, tanh_of); }

static void silu(ptrdiff_t n, const float *x, float *y) { map(n, x, y, silu_of); }

static void relu(ptrdiff_t n, const float *x, float *y) { map(n, x, y, relu_of); }

static void gelu_derivative(ptrdiff_t n, const float *x, const float *v, float *y) {
  map_with(n, x, v, y, gelu_derivative_of);
}

static void gelu_tanh_derivative(ptrdiff_t n, const float *x, const float *v, float *y) {
  map_with(n, x, v, y, gelu_tanh_derivative_of);
}

static void tanh_derivative(ptrdiff_t n, const float *x, const float *v, float *y) {
  map_with(n, x, v, y, tanh_derivative_of);
}

static void silu_derivative(ptrdiff_t n, const float *x, const float *v, float *y) {
  map_with(n, x, v, y, silu_derivative_of);
}

static void relu_derivative(ptrdiff_t n, const float *x, const float *v, float *y) {
  map_with(n, x, v, y, relu_derivative_of);
}
