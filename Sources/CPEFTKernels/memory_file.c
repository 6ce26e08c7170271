#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "CPEFTKernels.h"

int peft_memory_file(void) { return memfd_create("peft", MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int peft_seal(int file) {
  return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}
