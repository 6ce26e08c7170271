#include "CPEFTKernels.h"

#define PEFT_LANES 4
#define PEFT_TABLE peft_kernels_baseline
#include "kernels/kernels.h"
