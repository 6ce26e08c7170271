#define _GNU_SOURCE
#include <sched.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "CPEFTKernels.h"

int32_t peft_affinity_cores(void) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  int count = CPU_COUNT(&mask);
  return count < 1 ? 1 : count;
}

bool peft_request_tiles(void) {
#if defined(__x86_64__)
  enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };      // cpuid 7, 0: edx
  enum { OSXSAVE = 1 << 27, TILE_STATES = 3 << 17 };    // cpuid 1: ecx; XCR0
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };  // for arch_prctl, since Linux 5.16
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_BF16) || !(d & AMX_TILE)) return false;
  __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  if ((a & TILE_STATES) != TILE_STATES) return false;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}
