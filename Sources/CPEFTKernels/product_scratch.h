#pragma once
// The blocks in which products run, and where each thread packs its rows of A.

// How much of the sum and of the rows goes together: a panel's part of a block is as
// large as the first cache.
#define PEFT_INNER_BLOCK 192
#define PEFT_ROW_BLOCK 192

extern _Thread_local float peft_product_scratch[PEFT_INNER_BLOCK * PEFT_ROW_BLOCK];
