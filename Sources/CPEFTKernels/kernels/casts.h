// Conversions between float32 and 16-bit formats, on bits alone, so that all instruction sets
// agree.

static inline float float_with_bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of_float(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Moves exponent and fraction into place. A subnormal number is recovered by adding 2^-14 to it and
// subtracting 2^-14 again.
static void float_from_half(ptrdiff_t n, const uint16_t *x, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) {
    uint32_t moved = (uint32_t)(x[i] & 0x7fff) << 13;
    uint32_t exponent = moved & 0x0f800000;
    uint32_t normal = moved + (112u << 23);
    uint32_t infinite = moved + (224u << 23);
    uint32_t subnormal =
        bits_of_float(float_with_bits(moved + (113u << 23)) - float_with_bits(113u << 23));
    uint32_t bits = exponent == 0 ? subnormal : exponent == 0x0f800000 ? infinite : normal;
    y[i] = float_with_bits(bits | (uint32_t)(x[i] & 0x8000) << 16);
  }
}

static void float_from_bfloat(ptrdiff_t n, const uint16_t *x, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) y[i] = float_with_bits((uint32_t)x[i] << 16);
}

// Adding 1/2 aligns the last place of a subnormal half with the last place of the float, which
// rounds it.
static void half_from_float(ptrdiff_t n, const float *x, uint16_t *y) {
  for (ptrdiff_t i = 0; i < n; i++) {
    uint32_t bits = bits_of_float(x[i]);
    uint32_t size = bits & 0x7fffffff;
    uint32_t normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
    uint32_t subnormal = bits_of_float(float_with_bits(size) + 0.5f) - bits_of_float(0.5f);
    uint32_t nan = 0x7e00 | (size >> 13 & 0x1ff);
    uint32_t half = size > 0x7f800000     ? nan
                    : size >= 143u << 23  ? 0x7c00
                    : size < 113u << 23   ? subnormal
                                          : normal;
    y[i] = (uint16_t)(half | (bits >> 16 & 0x8000));
  }
}

static void bfloat_from_float(ptrdiff_t n, const float *x, uint16_t *y) {
  for (ptrdiff_t i = 0; i < n; i++) {
    uint32_t bits = bits_of_float(x[i]);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint32_t nan = bits >> 16 | 0x40;
    y[i] = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
  }
}
