#pragma once
#include "CPEFTKernels.h"

#pragma clang assume_nonnull begin

/// The bfloat16 products of AMX with the tile instructions in plain C, slow and for any processor:
/// the twin that tests compare. A table of products alone; nothing else in it may be called.
const peft_kernels *peft_tile_twin(void);

/// The same without tiles.
const peft_kernels *peft_without_tiles(void);

#pragma clang assume_nonnull end
