// The tile instructions of Intel AMX, for tile_product.h. Between tile_begin and tile_end, all
// eight tiles have 16 rows of 64 bytes. Outside, a thread has no tile state that the system would
// have to save.

// In the format of LDTILECFG.
static const _Alignas(64) struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} whole_tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#define tile_begin() _tile_loadconfig(&whole_tiles)
#define tile_end() _tile_release()
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, x, stride) _tile_loadd(t, x, (stride) * sizeof(float))
#define tile_store(t, x, stride) _tile_stored(t, x, (stride) * sizeof(float))
#define tile_dot(c, a, b) _tile_dpbf16ps(c, a, b)
