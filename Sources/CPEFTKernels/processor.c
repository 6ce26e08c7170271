#define _GNU_SOURCE
#include <sched.h>

#include "CPEFTKernels.h"

int32_t peft_affinity_cores(void) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  int count = CPU_COUNT(&mask);
  return count < 1 ? 1 : count;
}
