// Blocked matrix products (Goto & van de Geijn 2008). B is stored in panels, of which a block stays
// in the second-level cache. A tile of C stays in registers while it accumulates one block of the
// sum. The order of summation for an element depends only on its inner index, not on where the
// matrices are split.

// A tile has TILE_ROWS rows and the columns of a panel: as many sums as fit in registers. A block
// of the sum has INNER_BLOCK terms, so that a panel's part of it fills the first-level cache.
#if PEFT_LANES == 16
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define INNER_BLOCK 192
#elif PEFT_LANES == 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define INNER_BLOCK 384
#else
#define TILE_ROWS 4
#define TILE_VECTORS 3
#define INNER_BLOCK 192
#endif
// The number of rows of A that are multiplied with all panels before the next.
#define ROW_BLOCK (PEFT_SCRATCH / INNER_BLOCK)
// Whether rows of A are packed into tiles as well, so that a tile reads one stream of them.
#define PACKS_ROWS (PEFT_LANES == 8)
#define PANEL (TILE_VECTORS * PEFT_LANES)

// Prefetches data that a packing loop will read. An address past the end does no harm.
#define FETCH_AHEAD(address) __builtin_prefetch(address, 0, 2)

// Transposes a square of PEFT_LANES vectors.
INLINE void transpose(vector square[PEFT_LANES]) {
  vector next[PEFT_LANES];
  for (int round = 1; round < PEFT_LANES; round *= 2) {
    for (int i = 0; i < PEFT_LANES / 2; i++) {
      vector a = square[i], b = square[i + PEFT_LANES / 2];
#if PEFT_LANES == 16
      next[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] =
          __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif PEFT_LANES == 8
      next[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
      next[2 * i] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
    }
    for (int i = 0; i < PEFT_LANES; i++) square[i] = next[i];
  }
}

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// x rounded to bfloat16, to nearest with ties to even, in the upper halves of the words. The lower
// halves hold the remaining bits and must be ignored. NaN stays NaN.
INLINE words rounded_to_bfloat(vector x) {
  words bits = (words)x;
  words rounded = bits + 0x7fff + (bits >> 16 & 1);
  integers is_nan = (bits & 0x7fffffff) > 0x7f800000;
  return (words)choose(is_nan, (vector)(bits | 0x400000), (vector)rounded);
}

INLINE vector pairs_of(vector even, vector odd) {
  return (vector)((rounded_to_bfloat(odd) & 0xffff0000) | rounded_to_bfloat(even) >> 16);
}

// Elements i, i + 1, … of an array of n as a vector of pairs, with zeros past the end.
INLINE vector pairs_at(ptrdiff_t i, ptrdiff_t n, const float *x) {
  vector low = load_at(i, n, x);
  vector high = i + PEFT_LANES < n ? load_at(i + PEFT_LANES, n, x) : (vector)0;
#if defined(PEFT_BFLOAT_DOT)
  // Rounds in the same way, except for subnormal numbers, which the products treat as zero.
  return (vector)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
#elif PEFT_LANES == 16
  return pairs_of(
      __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
      __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
#elif PEFT_LANES == 8
  return pairs_of(__builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14),
                  __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
#else
  return pairs_of(__builtin_shufflevector(low, high, 0, 2, 4, 6),
                  __builtin_shufflevector(low, high, 1, 3, 5, 7));
#endif
}

// sum + x b, for numbers or for pairs.
INLINE vector multiply_add(bool pairs, vector sum, vector x, vector b) {
  if (!pairs) return sum + x * b;
#ifdef PEFT_BFLOAT_DOT
  return (vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)b);
#else
  sum += (vector)((words)x << 16) * (vector)((words)b << 16);
  return sum + (vector)((words)x & 0xffff0000) * (vector)((words)b & 0xffff0000);
#endif
}

// Packs `width` columns of B, given as that many rows of `x` [width, inner], as [inner, PANEL], and
// fills the remaining columns with zeros. `x` has floats or bfloat16 numbers.
INLINE void pack_panel_of_rows(bool bfloats, ptrdiff_t width, ptrdiff_t inner, const void *x,
                               ptrdiff_t stride, float *panel) {
  for (ptrdiff_t first = 0; first < PANEL; first += PEFT_LANES)
    FOR_VECTORS(i, inner) {
      vector square[PEFT_LANES];
      for (int row = 0; row < PEFT_LANES; row++) {
        const void *start = number_at(bfloats, (first + row) * stride, x);
        FETCH_AHEAD(number_at(bfloats, i + 4 * PEFT_LANES, start));
        square[row] = first + row < width ? load_numbers_at(bfloats, i, inner, start) : 0;
      }
      transpose(square);
      ptrdiff_t count = inner - i < PEFT_LANES ? inner - i : PEFT_LANES;
      for (ptrdiff_t k = 0; k < count; k++) store(panel + (i + k) * PANEL + first, square[k]);
    }
}

// The same packing from `x` [inner, width].
INLINE void pack_panel_of_columns(bool bfloats, ptrdiff_t width, ptrdiff_t inner, const void *x,
                                  ptrdiff_t stride, float *panel) {
  for (ptrdiff_t k = 0; k < inner; k++, x = number_at(bfloats, stride, x), panel += PANEL)
    for (ptrdiff_t i = 0; i < PANEL; i += PEFT_LANES) {
      FETCH_AHEAD(number_at(bfloats, 16 * stride + i, x));
      store(panel + i, i < width ? load_numbers_at(bfloats, i, width, x) : (vector)0);
    }
}

// The same packing as pairs of bfloat16: a word has element 2k of the sum in its lower half and
// element 2k + 1 in its upper half.
INLINE void pack_pairs_of_rows(ptrdiff_t width, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                               float *panel) {
  ptrdiff_t pairs = (inner + 1) / 2;
  for (ptrdiff_t first = 0; first < PANEL; first += PEFT_LANES)
    FOR_VECTORS(i, pairs) {
      vector square[PEFT_LANES];
      for (int row = 0; row < PEFT_LANES; row++) {
        FETCH_AHEAD(x + (first + row) * stride + 2 * i + 4 * PEFT_LANES);
        square[row] =
            first + row < width ? pairs_at(2 * i, inner, x + (first + row) * stride) : (vector)0;
      }
      transpose(square);
      ptrdiff_t count = smaller(PEFT_LANES, pairs - i);
      for (ptrdiff_t k = 0; k < count; k++) store(panel + (i + k) * PANEL + first, square[k]);
    }
}

// The same packing as pairs from `x` [inner, width].
INLINE void pack_pairs_of_columns(ptrdiff_t width, ptrdiff_t inner, const float *x,
                                  ptrdiff_t stride, float *panel) {
  for (ptrdiff_t k = 0; k < inner; k += 2, x += 2 * stride, panel += PANEL)
    for (ptrdiff_t i = 0; i < PANEL; i += PEFT_LANES) {
      vector even = i < width ? load_at(i, width, x) : (vector)0;
      vector odd = i < width && k + 1 < inner ? load_at(i, width, x + stride) : (vector)0;
      store(panel + i, pairs_of(even, odd));
    }
}

static void pack_panel(ptrdiff_t width, ptrdiff_t inner, const float *b, ptrdiff_t b_stride,
                       bool b_transposed, bool bfloat, float *panel) {
  if (bfloat && b_transposed)
    pack_pairs_of_rows(width, inner, b, b_stride, panel);
  else if (bfloat)
    pack_pairs_of_columns(width, inner, b, b_stride, panel);
  else if (b_transposed)
    pack_panel_of_rows(false, width, inner, b, b_stride, panel);
  else
    pack_panel_of_columns(false, width, inner, b, b_stride, panel);
}

static void pack_panel_of_bfloats(ptrdiff_t width, ptrdiff_t inner, const uint16_t *b,
                                  ptrdiff_t b_stride, bool b_transposed, float *panel) {
  if (b_transposed)
    pack_panel_of_rows(true, width, inner, b, b_stride, panel);
  else
    pack_panel_of_columns(true, width, inner, b, b_stride, panel);
}

// Packs rows of A, given as its transpose `x` [inner, rows], as consecutive tiles
// [inner, TILE_ROWS].
static void pack_tiles(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                       float *tiles) {
  for (ptrdiff_t k = 0; k < inner; k++, x += stride) {
    ptrdiff_t row = 0;
    FOR_VECTORS(i, rows) FETCH_AHEAD(x + 8 * stride + i);
    for (; row + TILE_ROWS <= rows; row += TILE_ROWS)
      __builtin_memcpy(tiles + row * inner + k * TILE_ROWS, x + row, TILE_ROWS * sizeof(float));
    for (ptrdiff_t rest = row; rest < rows; rest++)
      tiles[row * inner + k * TILE_ROWS + rest - row] = x[rest];
  }
}

// The same packing from rows `x` [rows, inner]. Rows that are missing in the last tile are zeros.
INLINE void pack_row_tiles(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                           float *tiles) {
  for (ptrdiff_t row = 0; row < rows; row += TILE_ROWS, x += TILE_ROWS * stride)
    FOR_VECTORS(i, inner) {
      vector square[PEFT_LANES];
      for (int r = 0; r < PEFT_LANES; r++)
        square[r] = r < TILE_ROWS && row + r < rows ? load_at(i, inner, x + r * stride) : (vector)0;
      transpose(square);
      ptrdiff_t count = smaller(PEFT_LANES, inner - i);
      // What a vector has beyond TILE_ROWS is overwritten by the next one.
      for (ptrdiff_t k = 0; k < count; k++)
        store(tiles + row * inner + (i + k) * TILE_ROWS, square[k]);
    }
}

// The same packing as tiles of pairs [inner / 2, TILE_ROWS].
static void pack_pair_tiles(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                            float *tiles) {
  ptrdiff_t pairs = (inner + 1) / 2;
  const ptrdiff_t together = PEFT_LANES / TILE_ROWS * TILE_ROWS;  // rows of whole tiles in a vector
  for (ptrdiff_t k = 0; k < pairs; k++, x += 2 * stride)
    for (ptrdiff_t row = 0; row < rows; row += together) {
      vector odd = 2 * k + 1 < inner ? load_at(row, rows, x + stride) : (vector)0;
      float words[PEFT_LANES];
      store(words, pairs_of(load_at(row, rows, x), odd));
      for (ptrdiff_t i = 0; i < together && row + i < rows; i += TILE_ROWS)
        __builtin_memcpy(tiles + (row + i) * pairs + k * TILE_ROWS, words + i,
                         TILE_ROWS * sizeof(float));
    }
}

// Packs rows of A as pairs, with INNER_BLOCK words between the starts of two rows.
static void pack_pair_rows(ptrdiff_t rows, ptrdiff_t inner, const float *x, ptrdiff_t stride,
                           float *pairs) {
  for (ptrdiff_t row = 0; row < rows; row++, x += stride, pairs += INNER_BLOCK)
    FOR_VECTORS(i, (inner + 1) / 2) store_at(i, (inner + 1) / 2, pairs, pairs_at(2 * i, inner, x));
}

// Loops over a tile have constant bounds and are fully unrolled, so that the sums stay in
// registers. That over the terms of a sum is unrolled a little with eight lanes, where the
// instructions of the loop itself would take issue slots from the few of a tile.
#define UNROLLED _Pragma("clang loop unroll(full)") for
#if PEFT_LANES == 8
#define OVER_TERMS _Pragma("clang loop unroll_count(4)") for
#else
#define OVER_TERMS for
#endif

// C [rows, width] = (C +) scale A B (+ bias) for one tile. Element (r, k) of A is
// a[r * row_step + k * step].
INLINE void tile(bool pairs, int rows, int vectors, ptrdiff_t width, ptrdiff_t inner, float scale,
                 const float *a, ptrdiff_t row_step, ptrdiff_t step, const float *panel,
                 ptrdiff_t panel_step, const float *bias, bool accumulate, float *c,
                 ptrdiff_t stride) {
  vector sum[TILE_ROWS][TILE_VECTORS];
  UNROLLED(int r = 0; r < rows; r++) UNROLLED(int v = 0; v < vectors; v++) {
    sum[r][v] = 0;
    __builtin_prefetch(c + r * stride + v * PEFT_LANES, 1, 3);
  }
  // Three rows can be addressed from one pointer.
  const float *base[3] = {a, a + 3 * row_step, a + 6 * row_step};
  OVER_TERMS(ptrdiff_t k = 0; k < inner; k++, panel += panel_step) {
    vector b[TILE_VECTORS];
    UNROLLED(int v = 0; v < vectors; v++) b[v] = load(panel + v * PEFT_LANES);
    UNROLLED(int r = 0; r < rows; r++) {
      vector x = base[r / 3][r % 3 * row_step];
      UNROLLED(int v = 0; v < vectors; v++) sum[r][v] = multiply_add(pairs, sum[r][v], x, b[v]);
    }
    UNROLLED(int i = 0; i < 3; i++) base[i] += step;
  }
  if (accumulate) {
    UNROLLED(int r = 0; r < rows; r++) UNROLLED(int v = 0; v < vectors; v++) {
      vector old = load_at(v * PEFT_LANES, width, c + r * stride);
      sum[r][v] = old + scale * sum[r][v];
    }
  } else {
    UNROLLED(int r = 0; r < rows; r++) UNROLLED(int v = 0; v < vectors; v++) sum[r][v] *= scale;
  }
  if (bias) UNROLLED(int v = 0; v < vectors; v++) {
    vector shift = load_at(v * PEFT_LANES, width, bias);
    UNROLLED(int r = 0; r < rows; r++) sum[r][v] += shift;
  }
  UNROLLED(int r = 0; r < rows; r++) UNROLLED(int v = 0; v < vectors; v++)
    store_at(v * PEFT_LANES, width, c + r * stride, sum[r][v]);
}

// Computes a column of tiles along one panel: C [rows, width], with A stored by rows or packed into
// tiles.
INLINE void tiles_of(bool pairs, int vectors, ptrdiff_t width, ptrdiff_t rows, ptrdiff_t inner,
                     float scale, const float *a, ptrdiff_t a_stride, bool packed,
                     const float *panel, ptrdiff_t panel_step, const float *bias, bool accumulate,
                     float *c, ptrdiff_t c_stride) {
  ptrdiff_t row_step = packed ? 1 : a_stride, step = packed ? TILE_ROWS : 1;
  ptrdiff_t row = 0;
  // A tile's rows are adjacent where they are packed, however many of them there are.
#define TILE(n)                                                                                    \
  tile(pairs, n, vectors, width, inner, scale,                                                     \
       a + (packed ? row / TILE_ROWS * TILE_ROWS * inner + row % TILE_ROWS : row * a_stride),      \
       row_step, step, panel, panel_step, bias, accumulate, c + row * c_stride, c_stride)
  for (; row + TILE_ROWS <= rows; row += TILE_ROWS) TILE(TILE_ROWS);
#if TILE_ROWS > 4
  for (; row + 4 <= rows; row += 4) TILE(4);
#endif
  for (; row + 2 <= rows; row += 2) TILE(2);
  for (; row < rows; row++) TILE(1);
#undef TILE
}

typedef void (*tiles_function)(ptrdiff_t columns, ptrdiff_t rows, ptrdiff_t inner, float scale,
                               const float *a, ptrdiff_t a_stride, const float *panel,
                               ptrdiff_t panel_step, const float *bias, bool accumulate, float *c,
                               ptrdiff_t c_stride);

#define TILES(name, pairs, vectors, width, packed)                                                 \
  static __attribute__((noinline)) void name(                                                      \
      ptrdiff_t columns, ptrdiff_t rows, ptrdiff_t inner, float scale, const float *a,             \
      ptrdiff_t a_stride, const float *panel, ptrdiff_t panel_step, const float *bias,             \
      bool accumulate, float *c, ptrdiff_t c_stride) {                                             \
    (void)columns;                                                                                 \
    tiles_of(pairs, vectors, width, rows, inner, scale, a, a_stride, packed, panel, panel_step,    \
             bias, accumulate, c, c_stride);                                                       \
  }
// The variants of one kind of tile: for panels of one vector and more, whose last vector may be
// short, and for full panels.
#if TILE_VECTORS == 3
#define TILE_FAMILY(name, pairs, packed)                 \
  TILES(name##_1, pairs, 1, columns, packed)             \
  TILES(name##_2, pairs, 2, columns, packed)             \
  TILES(name##_3, pairs, 3, columns, packed)             \
  TILES(name##_full, pairs, 3, PANEL, packed)            \
  static const tiles_function name[] = {name##_1, name##_2, name##_3, name##_full};
#else
#define TILE_FAMILY(name, pairs, packed)                 \
  TILES(name##_1, pairs, 1, columns, packed)             \
  TILES(name##_2, pairs, 2, columns, packed)             \
  TILES(name##_full, pairs, 2, PANEL, packed)            \
  static const tiles_function name[] = {name##_1, name##_2, name##_full};
#endif
TILE_FAMILY(float_tiles, false, false)
TILE_FAMILY(packed_float_tiles, false, true)
TILE_FAMILY(pair_tiles, true, false)
TILE_FAMILY(packed_pair_tiles, true, true)
#undef TILE_FAMILY
#undef TILES

static void product(const peft_product *p) {
  const tiles_function *family = p->bfloat ? p->a_transposed ? packed_pair_tiles : pair_tiles
                                 : p->a_transposed ? packed_float_tiles
                                                   : float_tiles;
  ptrdiff_t together = p->bfloat ? 2 : 1;  // elements of the sum in a word
  ptrdiff_t steps = (p->inner + together - 1) / together;
  bool packs = PACKS_ROWS && !p->bfloat && p->columns >= 4 * PANEL && p->rows >= TILE_ROWS;
  if (packs) family = packed_float_tiles;
  for (ptrdiff_t k = 0; k < steps; k += INNER_BLOCK) {
    ptrdiff_t inner = smaller(INNER_BLOCK, steps - k);
    ptrdiff_t elements = smaller(together * inner, p->inner - together * k);
    bool accumulate = p->accumulate || k > 0;
    const float *bias = k + inner == steps ? p->bias : NULL;
    for (ptrdiff_t row = 0; row < p->rows; row += ROW_BLOCK) {
      ptrdiff_t rows = smaller(ROW_BLOCK, p->rows - row);
      const float *a = peft_product_scratch;
      ptrdiff_t a_stride = p->a_stride;
      if (p->a_transposed) {
        (p->bfloat ? pack_pair_tiles : pack_tiles)(rows, elements,
                                                   p->a + together * k * p->a_stride + row,
                                                   p->a_stride, peft_product_scratch);
      } else if (p->bfloat) {
        pack_pair_rows(rows, elements, p->a + row * p->a_stride + together * k, p->a_stride,
                       peft_product_scratch);
        a_stride = INNER_BLOCK;
      } else if (packs) {
        pack_row_tiles(rows, elements, p->a + row * p->a_stride + k, p->a_stride,
                           peft_product_scratch);
      } else {
        a = p->a + row * p->a_stride + k;
      }
      const float *panel = p->panels + k * p->panel_step;
      for (ptrdiff_t j = 0; j < p->columns; j += PANEL, panel += p->panel_stride) {
        ptrdiff_t width = smaller(PANEL, p->columns - j);
        family[width == PANEL ? TILE_VECTORS : (width - 1) / PEFT_LANES](
            width, rows, inner, p->scale, a, a_stride, panel, p->panel_step, bias ? bias + j : NULL,
            accumulate, p->c + row * p->c_stride + j, p->c_stride);
      }
    }
  }
}
