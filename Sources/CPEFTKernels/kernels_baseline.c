#include "CPEFTKernels.h"
#include "product_scratch.h"

#define PEFT_LANES 4
#define PEFT_TABLE peft_kernels_baseline
#include "kernels/kernels.h"
