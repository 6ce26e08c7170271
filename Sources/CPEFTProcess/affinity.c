// Restricts the process to one core while the shared libraries are initialised.
//
// When OpenBLAS is loaded, it starts a thread for every further core, and each thread reserves
// 128 MiB of address space for products. The command splits products itself, so these threads never
// get any work. Under a limit on address space (ulimit -v), such a thread retries its allocation
// for ever. OpenBLAS counts the cores in the affinity mask. Nothing else that controls it can be
// set from within the process before the library is loaded.

#if defined(__linux__)

#include <sys/syscall.h>
#include <unistd.h>

enum { words = 1024 };

// Volatile, because a compiler may otherwise evaluate `widen` at compile time, before `narrow`
// runs.
static volatile long size;
static unsigned long all[words];
static unsigned long one[words];

// Runs before the constructors of the libraries, so it may use only system calls.
static void narrow(void) {
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof all, all);
  if (bytes <= 0) return;
  for (int word = 0; word < words; word++) {
    if (all[word] == 0) continue;
    one[word] = all[word] & -all[word];
    break;
  }
  if (syscall(SYS_sched_setaffinity, 0, bytes, one) == 0) size = bytes;
}

// Runs after the constructors of the libraries and before `main`.
__attribute__((constructor)) static void widen(void) {
  if (size > 0) syscall(SYS_sched_setaffinity, 0, size, all);
}

__attribute__((section(".preinit_array"), used)) static void (*const before)(void) = narrow;

#endif
