#pragma once
// The blocks in which products run, and where each thread packs them.

// How much of the sum, of the rows and of the columns goes together: a panel's part of a block is as large
// as the first cache, a block of B as the second.
#define PEFT_INNER_BLOCK 192
#define PEFT_ROW_BLOCK 192
#define PEFT_COLUMN_BLOCK 768

extern _Thread_local float
    peft_product_scratch[PEFT_INNER_BLOCK * (PEFT_COLUMN_BLOCK + PEFT_ROW_BLOCK)];
