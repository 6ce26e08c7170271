#include <pthread.h>

#include "CPEFTKernels.h"
#include "product_scratch.h"

_Alignas(64) _Thread_local float peft_product_scratch[PEFT_SCRATCH + PEFT_SCRATCH_SLACK];

extern const peft_kernels peft_kernels_baseline, peft_kernels_avx2, peft_kernels_avx512,
    peft_kernels_avx512_bf16, peft_kernels_amx;

#if defined(__x86_64__)
static pthread_once_t tiles_tried = PTHREAD_ONCE_INIT;
static bool tiles_work;

static void try_tiles(void) {
  tiles_work = peft_request_tiles() && peft_products_agree(&peft_kernels_amx, &peft_kernels_avx512);
}
#endif

const peft_kernels *peft_kernels_for(peft_isa isa) {
  switch (isa) {
    case PEFT_BASELINE:
      return &peft_kernels_baseline;
#if defined(__x86_64__)
    case PEFT_AVX2:
      if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
      return &peft_kernels_avx2;
    case PEFT_AVX512:
      if (!peft_kernels_for(PEFT_AVX2)) return NULL;
      if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
          !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return NULL;
      return &peft_kernels_avx512;
    case PEFT_AVX512_BF16:
      if (!peft_kernels_for(PEFT_AVX512) || !__builtin_cpu_supports("avx512bf16")) return NULL;
      return &peft_kernels_avx512_bf16;
    case PEFT_AMX:
      if (!peft_kernels_for(PEFT_AVX512_BF16)) return NULL;
      pthread_once(&tiles_tried, try_tiles);
      return tiles_work ? &peft_kernels_amx : NULL;
#endif
    default:
      return NULL;
  }
}
