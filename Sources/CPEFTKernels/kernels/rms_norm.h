// Root mean square norm of the rows of a matrix, y = gamma * x^ with x^ = s / sqrt(mean s^2 + e),
// and its two derivatives. They are those of layer norm without the means that centre a row.

static void rms_norm(ptrdiff_t rows, ptrdiff_t columns, const float *x, const float *residual,
                     const float *gamma, float epsilon, float *y, float *normalized,
                     float *inverse_deviation) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    residual_sum(columns, x, residual, normalized);
    float sum, square_sum;
    moments(columns, normalized, 0, &sum, &square_sum);
    double mean_square = (double)square_sum / (double)columns;
    float inverse = (float)(1 / __builtin_sqrt(mean_square + (double)epsilon));
    inverse_deviation[row] = inverse;
    FOR_VECTORS(i, columns) {
      vector value = load_at(i, columns, normalized) * inverse;
      store_at(i, columns, normalized, value);
      store_at(i, columns, y, value * load_at(i, columns, gamma));
    }
    x += columns;
    if (residual) residual += columns;
    y += columns;
    normalized += columns;
  }
}

static void rms_norm_pullback(ptrdiff_t rows, ptrdiff_t columns, const float *cotangent,
                              const float *normalized, const float *inverse_deviation,
                              const float *gamma, float *result) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float mean, product_mean;
    means_of_products(columns, cotangent, gamma, normalized, &mean, &product_mean);
    FOR_VECTORS(i, columns) {
      vector value = load_at(i, columns, cotangent) * load_at(i, columns, gamma) -
                     load_at(i, columns, normalized) * product_mean;
      store_at(i, columns, result, value * inverse_deviation[row]);
    }
    cotangent += columns;
    normalized += columns;
    result += columns;
  }
}

static void rms_norm_tangent(ptrdiff_t rows, ptrdiff_t columns, const float *tangent,
                             const float *normalized, const float *inverse_deviation,
                             const float *gamma, const float *gamma_tangent, float *result) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float mean = 0, product_mean = 0;
    if (tangent)
      means_of_products(columns, tangent, NULL, normalized, &mean, &product_mean);
    FOR_VECTORS(i, columns) {
      vector x = load_at(i, columns, normalized), value = 0;
      // Without a tangent of s, this is only the product, so that the tangent along gamma equals y
      // bit for bit.
      if (gamma_tangent) value = x * load_at(i, columns, gamma_tangent);
      if (tangent)
        value += (load_at(i, columns, tangent) - x * product_mean) *
                 (load_at(i, columns, gamma) * inverse_deviation[row]);
      store_at(i, columns, result, value);
    }
    if (tangent) tangent += columns;
    normalized += columns;
    result += columns;
  }
}
