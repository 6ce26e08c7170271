#include "CTileTwin.h"

#include <math.h>
#include <string.h>

#include "../../Sources/CPEFTKernels/product_scratch.h"

// Vectors wider than the processor's; every function that takes one is inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#define PEFT_LANES 16
#define PEFT_PORTABLE
#include "../../Sources/CPEFTKernels/kernels/vectors.h"

#include "../../Sources/CPEFTKernels/kernels/product.h"

// The instructions of Intel AMX as its manual defines them; without a
// configuration they are invalid.
static _Thread_local struct {
  bool is_configured;
  float tiles[8][16][16];
} amx;

typedef float (*tile_rows)[16];

static tile_rows tile_of(int t) {
  if (!amx.is_configured) __builtin_trap();
  return amx.tiles[t];
}

static void tile_begin(void) { amx.is_configured = true; }
static void tile_end(void) { amx.is_configured = false; }
static void tile_zero(int t) { memset(tile_of(t), 0, sizeof amx.tiles[t]); }

static void tile_load(int t, const float *x, ptrdiff_t stride) {
  for (int row = 0; row < 16; row++) memcpy(tile_of(t)[row], x + row * stride, 64);
}

static void tile_store(int t, float *x, ptrdiff_t stride) {
  for (int row = 0; row < 16; row++) memcpy(x + row * stride, tile_of(t)[row], 64);
}

// A half of a word; a subnormal one counts as zero.
static double half_of(float word, bool upper) {
  uint32_t bits;
  memcpy(&bits, &word, sizeof bits);
  bits = upper ? bits & 0xffff0000 : bits << 16;
  if (!(bits & 0x7f800000)) bits &= 0x80000000;
  memcpy(&word, &bits, sizeof bits);
  return word;
}

// Rounded to the nearest float, of two the even one; zero where that is subnormal. A sum in Double
// of floats, or of one and a product of bfloat16, is rounded as the exact one would be.
static float flushed(double x) { return (float)(fabs(x) < 0x1.ffffffp-127 ? copysign(0, x) : x); }

static void tile_dot(int c, int a, int b) {
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < 16; n++) {
      float sum[2] = {0, 0};
      for (int k = 0; k < 16; k++)
        for (int i = 0; i < 2; i++)
          sum[i] = flushed(sum[i] + half_of(tile_of(a)[m][k], i) * half_of(tile_of(b)[k][n], i));
      float *target = &tile_of(c)[m][n];
      *target = flushed((double)*target + flushed((double)sum[0] + sum[1]));
    }
}

#include "../../Sources/CPEFTKernels/kernels/tile_product.h"

const peft_kernels *peft_tile_twin(void) {
  static const peft_kernels kernels = {.panel = PANEL, TILE_PRODUCT};
  return &kernels;
}

const peft_kernels *peft_without_tiles(void) {
  static const peft_kernels kernels = {
      .panel = PANEL, .pair_rows = 1, .pack_panel = pack_panel, .product = product};
  return &kernels;
}
