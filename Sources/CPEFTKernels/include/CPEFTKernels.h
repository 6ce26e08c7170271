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

/// An anonymous file in memory that programs started by this process do not get; -1 if the system
/// refuses.
int peft_memory_file(void);

/// Lets nobody write, shorten or lengthen a file in memory; -1 if somebody still can.
int peft_seal(int file);

/// The number of cores in this process's affinity mask, at least 1.
int32_t peft_affinity_cores(void);
