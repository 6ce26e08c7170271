#pragma once
// The buffer in which each thread packs a block of rows of A for products.

// The number of elements of a block, a part of the second-level cache.
#define PEFT_SCRATCH (192 * 192)
// The vector that packing may write beyond the end of a block.
#define PEFT_SCRATCH_SLACK 16

extern _Thread_local float peft_product_scratch[PEFT_SCRATCH + PEFT_SCRATCH_SLACK];
