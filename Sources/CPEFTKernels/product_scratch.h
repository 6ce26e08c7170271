#pragma once
// The block sizes of products, and the buffer in which each thread packs its rows of A.

// The number of terms of the sum and of rows that are processed together. A panel's part of a block
// fills the first-level cache.
#define PEFT_INNER_BLOCK 192
#define PEFT_ROW_BLOCK 192

extern _Thread_local float peft_product_scratch[PEFT_INNER_BLOCK * PEFT_ROW_BLOCK];
