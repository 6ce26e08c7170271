// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), and dropout based on its words. Element 64
// g + 16 l + j of a stream is word l of block 16 g + j.

// Each 32-bit word is kept in 64 bits, so that products fit. The bits above the lower 32 are never
// used.
typedef uint64_t wide __attribute__((ext_vector_type(PEFT_LANES / 2)));

INLINE wide lower_half(wide x) { return x & 0xffffffff; }

// The two words of the key for each round.
typedef struct {
  wide words[10][2];
} round_keys;

INLINE round_keys keys_of_rounds(uint64_t key) {
  round_keys keys;
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    keys.words[round][0] = k0;
    keys.words[round][1] = k1;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return keys;
}

// The 64 elements of one group.
INLINE void random_group(const round_keys *keys, uint64_t site, uint64_t group,
                         uint32_t *elements) {
  for (int first = 0; first < 16; first += PEFT_LANES) {
    wide c0[2], c1[2], c2[2], c3[2];  // for the even and the odd blocks
    for (int odd = 0; odd < 2; odd++) {
      wide block;
      for (int lane = 0; lane < PEFT_LANES / 2; lane++)
        block[lane] = group * 16 + (uint64_t)(first + 2 * lane + odd);
      c0[odd] = block;
      c1[odd] = block >> 32;
      c2[odd] = site;
      c3[odd] = site >> 32;
    }
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++)
      for (int odd = 0; odd < 2; odd++) {
        wide p = lower_half(c0[odd]) * 0xD2511F53u;
        wide q = lower_half(c2[odd]) * 0xCD9E8D57u;
        c0[odd] = (q >> 32) ^ c1[odd] ^ keys->words[round][0];
        c1[odd] = q;
        c2[odd] = (p >> 32) ^ c3[odd] ^ keys->words[round][1];
        c3[odd] = p;
      }
    const wide *word[4] = {c0, c1, c2, c3};
    for (int l = 0; l < 4; l++) {
      wide both = lower_half(word[l][0]) | word[l][1] << 32;
      __builtin_memcpy(elements + 16 * l + first, &both, sizeof both);
    }
  }
}

// Calls `use` with pieces of at most 64 elements: `count` words for the elements from `start` on.
#define FOR_GROUPS(n, key, site, offset, elements, count, start)                              \
  const round_keys keys = keys_of_rounds(key);                                                \
  uint32_t group_words[64];                                                                   \
  const uint32_t *elements;                                                                   \
  for (ptrdiff_t start = 0, count; start < (n) &&                                             \
       (random_group(&keys, site, (offset + (uint64_t)start) / 64, group_words),              \
       elements = group_words + (offset + (uint64_t)start) % 64,                              \
       count = 64 - (ptrdiff_t)((offset + (uint64_t)start) % 64),                             \
       count = count < (n) - start ? count : (n) - start, true);                              \
       start += count)

static void random_words(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t offset,
                         uint32_t *output) {
  FOR_GROUPS(n, key, site, offset, elements, count, start)
    __builtin_memcpy(output + start, elements, (size_t)count * sizeof *output);
}

INLINE vector kept(words random, uint32_t threshold, float factor, vector x) {
  return (vector)((integers)(random >= threshold) & (integers)(x * factor));
}

static void dropout(ptrdiff_t n, uint64_t key, uint64_t site, uint64_t offset, uint32_t threshold,
                    float factor, const float *x, float *y) {
  FOR_GROUPS(n, key, site, offset, elements, count, start) {
    if (count == 64) {
      for (int i = 0; i < 64; i += PEFT_LANES) {
        words random;
        __builtin_memcpy(&random, elements + i, sizeof random);
        store(y + start + i, kept(random, threshold, factor, load(x + start + i)));
      }
    } else {
      for (ptrdiff_t i = 0; i < count; i++)
        y[start + i] = elements[i] >= threshold ? x[start + i] * factor : 0.0f;
    }
  }
}
