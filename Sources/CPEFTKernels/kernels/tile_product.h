// Products of bfloat16 in the tiles of Intel AMX, which are registers of 16 rows of 16 words
// (Intel, Architecture Instruction Set Extensions, TDPBF16PS). The including file provides the
// instructions:
//   tile_begin(), tile_end()           enclose all work with tiles
//   tile_zero(t)
//   tile_load(t, x, stride)            from rows `stride` words apart, and tile_store(t, x, stride)
//   tile_dot(c, a, b)                  c += a b, where a word of a and of b is a pair of bfloat16
// Four tiles of C, two by two, use each loaded tile of A and of B for two products. There are as
// many loads as products, and products are half as fast. Tiles of B are read from the panels as
// they are packed for other instruction sets, except that rows of zeros fill the last tile of a
// sum. The sum for an element is taken over blocks of INNER_BLOCK pairs; within a block over
// tiles, in order; and within a tile over the 16 first halves of its pairs and then the 16 second
// halves.

_Static_assert(PEFT_LANES == 16, "a vector is a row of a tile");
#define SIDE PEFT_LANES  // the number of rows of a tile, and of words in a row
_Static_assert(PANEL % SIDE == 0 && INNER_BLOCK % SIDE == 0 && ROW_BLOCK % (2 * SIDE) == 0,
               "panels and blocks are whole tiles");

static ptrdiff_t multiple_of(ptrdiff_t unit, ptrdiff_t n) { return (n + unit - 1) / unit * unit; }

// Packs a panel, and adds zeros after its pairs to fill a whole number of tiles.
static void pack_panel_of_tiles(ptrdiff_t width, ptrdiff_t inner, const float *b, ptrdiff_t b_stride,
                                bool b_transposed, bool bfloat, float *panel) {
  pack_panel(width, inner, b, b_stride, b_transposed, bfloat, panel);
  if (!bfloat) return;
  ptrdiff_t pairs = (inner + 1) / 2;
  for (ptrdiff_t i = pairs * PANEL; i < multiple_of(SIDE, pairs) * PANEL; i += SIDE)
    store(panel + i, (vector)0);
}

// Packs rows of A [rows, inner] as tiles of pairs [rows / 16, inner / 32, 16, 16], with zeros after
// the end of the sum. Rows past the last one hold arbitrary values, which do not reach C.
static void pack_tiles_of_rows(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                               float *tiles) {
  ptrdiff_t words = multiple_of(SIDE, (inner + 1) / 2);
  for (ptrdiff_t row = 0; row < rows; row++, x += stride) {
    float *target = tiles + row / SIDE * SIDE * words + row % SIDE * SIDE;
    for (ptrdiff_t i = 0; i < words; i += SIDE) store(target + i * SIDE, pairs_at(2 * i, inner, x));
  }
}

// The same packing from the transpose `x` [inner, rows].
static void pack_tiles_of_columns(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                                  float *tiles) {
  ptrdiff_t words = multiple_of(SIDE, (inner + 1) / 2);
  for (ptrdiff_t i = 0; i < words; i += SIDE)
    for (ptrdiff_t row = 0; row < rows; row += SIDE) {
      vector square[SIDE];
      for (ptrdiff_t k = 0; k < SIDE; k++) {
        ptrdiff_t first = 2 * (i + k);
        const float *pair = x + first * stride;
        square[k] = first + 1 < inner
                        ? pairs_of(load_at(row, rows, pair), load_at(row, rows, pair + stride))
                    : first < inner ? pairs_of(load_at(row, rows, pair), (vector)0)
                                    : (vector)0;
      }
      transpose(square);
      for (ptrdiff_t r = 0; r < SIDE; r++)
        store(tiles + (row * words + i * SIDE) + r * SIDE, square[r]);
    }
}

INLINE void fetch_tile(const float *x) {
  for (int row = 0; row < SIDE; row++) __builtin_prefetch(x + row * SIDE, 0, 3);
}

// The sums [32, 32] of two rows of tiles of A with two columns of tiles of B, whose rows are `step`
// words apart. If a `second` argument is NULL, only the first is used.
INLINE void sum_tiles(ptrdiff_t words, const float *a, const float *second_a, const float *b,
                      const float *second_b, ptrdiff_t step, float *sums) {
  tile_zero(0);
  tile_zero(1);
  tile_zero(2);
  tile_zero(3);
  for (ptrdiff_t k = 0; k < words; k += SIDE) {
    fetch_tile(a + (k + SIDE) * SIDE);
    tile_load(4, a + k * SIDE, SIDE);
    tile_load(6, b + k * step, step);
    tile_dot(0, 4, 6);
    if (second_b) {
      tile_load(7, second_b + k * step, step);
      tile_dot(1, 4, 7);
    }
    if (!second_a) continue;
    fetch_tile(second_a + (k + SIDE) * SIDE);
    tile_load(5, second_a + k * SIDE, SIDE);
    tile_dot(2, 5, 6);
    if (second_b) tile_dot(3, 5, 7);
  }
  tile_store(0, sums, 2 * SIDE);
  tile_store(1, sums + SIDE, 2 * SIDE);
  tile_store(2, sums + 2 * SIDE * SIDE, 2 * SIDE);
  tile_store(3, sums + 2 * SIDE * SIDE + SIDE, 2 * SIDE);
}

// C [rows, columns] = (C +) scale sums (+ bias).
INLINE void write_sums(ptrdiff_t rows, ptrdiff_t columns, float scale, const float *sums,
                       const float *bias, bool accumulate, float *c, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++, sums += 2 * SIDE, c += stride)
    FOR_VECTORS(j, columns) {
      vector sum = load(sums + j);
      sum = accumulate ? load_at(j, columns, c) + scale * sum : scale * sum;
      if (bias) sum += load_at(j, columns, bias);
      store_at(j, columns, c, sum);
    }
}

// `product`, with bfloat16 products in tiles.
static void product_in_tiles(const peft_product *p) {
  if (!p->bfloat) {
    product(p);
    return;
  }
  _Alignas(64) float sums[4 * SIDE * SIDE];
  ptrdiff_t pairs = (p->inner + 1) / 2;
  ptrdiff_t blocks = (p->rows + ROW_BLOCK - 1) / ROW_BLOCK;
  ptrdiff_t height = multiple_of(2 * SIDE, (p->rows + blocks - 1) / blocks);
  tile_begin();
  for (ptrdiff_t k = 0; k < pairs; k += INNER_BLOCK) {
    ptrdiff_t elements = smaller(2 * INNER_BLOCK, p->inner - 2 * k);
    ptrdiff_t words = multiple_of(SIDE, (elements + 1) / 2);
    bool is_last = k + INNER_BLOCK >= pairs;
    for (ptrdiff_t row = 0; row < p->rows; row += height) {
      ptrdiff_t rows = smaller(height, p->rows - row);
      if (p->a_transposed)
        pack_tiles_of_columns(rows, elements, p->a + 2 * k * p->a_stride + row, p->a_stride,
                              peft_product_scratch);
      else
        pack_tiles_of_rows(rows, elements, p->a + row * p->a_stride + 2 * k, p->a_stride,
                           peft_product_scratch);
      for (ptrdiff_t j = 0; j < p->columns; j += 2 * SIDE) {
        const float *b[2] = {NULL, NULL};
        for (ptrdiff_t i = 0; i < 2 && j + i * SIDE < p->columns; i++) {
          ptrdiff_t column = j + i * SIDE;
          b[i] = p->panels + column / PANEL * p->panel_stride + column % PANEL + k * p->panel_step;
        }
        for (ptrdiff_t i = 0; i < rows; i += 2 * SIDE) {
          const float *a = peft_product_scratch + i * words;
          float *c = p->c + (row + i) * p->c_stride + j;
          sum_tiles(words, a, i + SIDE < rows ? a + SIDE * words : NULL, b[0], b[1], p->panel_step,
                    sums);
          write_sums(smaller(2 * SIDE, rows - i), smaller(2 * SIDE, p->columns - j), p->scale, sums,
                     p->bias && is_last ? p->bias + j : NULL, p->accumulate || k > 0, c,
                     p->c_stride);
        }
      }
    }
  }
  tile_end();
}

#define TILE_PRODUCT \
  .pair_rows = SIDE, .pack_panel = pack_panel_of_tiles, .product = product_in_tiles
