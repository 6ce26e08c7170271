#include <stdlib.h>
#include <string.h>

#include "CPEFTKernels.h"

// Sizes that give full and short tiles, panels and blocks in each direction, and an odd sum.
enum { ROWS = 37, COLUMNS = 101, INNER = 423, PANELS = 3 * 48 * 224 };

// Integers of at most 8, which are exact in bfloat16, as are their sums in float32 in any order.
static void fill(ptrdiff_t n, uint32_t seed, float *x) {
  for (ptrdiff_t i = 0; i < n; i++) {
    seed = seed * 1664525 + 1013904223;
    x[i] = (float)(seed >> 28) - 7;
  }
}

bool peft_products_agree(const peft_kernels *kernels, const peft_kernels *others) {
  struct {
    float a[ROWS * INNER], b[COLUMNS * INNER], bias[COLUMNS], panels[PANELS];
    float c[ROWS * COLUMNS], expected[ROWS * COLUMNS];
  } *m = calloc(1, sizeof *m);
  ptrdiff_t panel = kernels->panel, unit = kernels->pair_rows;
  ptrdiff_t panel_stride = (INNER / 2 + unit) / unit * unit * panel;
  bool agree = m && others->panel == panel && (COLUMNS + panel - 1) / panel * panel_stride <= PANELS;
  for (int transposed = 0; agree && transposed < 2; transposed++) {
    fill(ROWS * INNER, 1, m->a);
    fill(COLUMNS * INNER, 2, m->b);
    fill(COLUMNS, 3, m->bias);
    fill(ROWS * COLUMNS, 4, m->c);
    memcpy(m->expected, m->c, sizeof m->c);
    for (ptrdiff_t j = 0; j < COLUMNS; j += panel)
      kernels->pack_panel(j + panel < COLUMNS ? panel : COLUMNS - j, INNER, m->b + j * INNER, INNER,
                          true, true, m->panels + j / panel * panel_stride);
    peft_product product = {
        .bfloat = true, .rows = ROWS, .columns = COLUMNS, .inner = INNER, .a = m->a,
        .a_stride = transposed ? ROWS : INNER, .a_transposed = transposed, .panels = m->panels,
        .panel_stride = panel_stride, .panel_step = panel, .scale = 0.5f, .accumulate = true,
        .bias = m->bias, .c = m->c, .c_stride = COLUMNS,
    };
    kernels->product(&product);
    product.c = m->expected;
    others->product(&product);
    agree = memcmp(m->c, m->expected, sizeof m->c) == 0;
  }
  free(m);
  return agree;
}
