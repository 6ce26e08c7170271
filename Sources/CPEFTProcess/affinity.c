// While the shared libraries are initialised, the process is on one core.
//
// OpenBLAS starts a thread for every further core when it is loaded, and each takes 128 MiB of
// addresses for products that it never gets: the command splits products itself. Under a limit on
// addresses (ulimit -v) such a thread asks for them for ever. The library counts the cores of the
// affinity mask, and nothing else it is told before it is loaded can be set from within.

#if defined(__linux__)

#include <sys/syscall.h>
#include <unistd.h>

enum { words = 1024 };

// Volatile, for a compiler may run `widen` itself, before `narrow`.
static volatile long size;
static unsigned long all[words];
static unsigned long one[words];

// Before the libraries' constructors: nothing but system calls.
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

// After them, and before `main`.
__attribute__((constructor)) static void widen(void) {
  if (size > 0) syscall(SYS_sched_setaffinity, 0, size, all);
}

__attribute__((section(".preinit_array"), used)) static void (*const before)(void) = narrow;

#endif
