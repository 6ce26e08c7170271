#include "CPEFTKernels.h"
#include "product_scratch.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define PEFT_LANES 16
#define PEFT_TABLE peft_kernels_avx512_bf16
#define PEFT_BFLOAT_DOT
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), \
    apply_to = function)
#include "kernels/kernels.h"
#pragma clang attribute pop

// The kernels with bfloat16 products in tiles.
#pragma clang attribute push( \
    __attribute__((target( \
        "amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), \
    apply_to = function)
#include "kernels/amx.h"
#include "kernels/tile_product.h"
#pragma clang attribute pop
const peft_kernels peft_kernels_amx = KERNELS(TILE_PRODUCT);
#endif
