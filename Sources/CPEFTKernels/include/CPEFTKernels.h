#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "peft_kernels.h"

/// Tells the core that this thread is polling.
static inline void peft_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Requests AMX tiles from the system for all threads of this process. Returns false if the
/// processor or the system does not support them.
bool peft_request_tiles(void);

/// The number of cores in this process's affinity mask, at least 1.
int32_t peft_affinity_cores(void);
