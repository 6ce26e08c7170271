// Rotates the pairs (x_i, x_{half + i}) of each head of a row by the angles of the row's position:
// y_i = x_i c_i - x_{half + i} s_i, y_{half + i} = x_{half + i} c_i + x_i s_i.

static void rotate(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t half, const int32_t *positions,
                   const float *cosines, const float *sines, bool backwards, const float *x,
                   float *y) {
  const float direction = backwards ? -1.0f : 1.0f;
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *cosine = cosines + positions[row] * half, *sine = sines + positions[row] * half;
    for (ptrdiff_t head = 0; head < heads; head++, x += 2 * half, y += 2 * half)
      FOR_VECTORS(i, half) {
        vector c = load_at(i, half, cosine), s = direction * load_at(i, half, sine);
        vector first = load_at(i, half, x), second = load_at(i, half, x + half);
        store_at(i, half, y, first * c - second * s);
        store_at(i, half, y + half, second * c + first * s);
      }
  }
}
