#ifndef CPEFT_PROCESS_H
#define CPEFT_PROCESS_H

// Adjustments that the `peft` command makes to its process before and below Swift. The library is
// linked only into the command and works without being called:
//
//   affinity.c   loaded libraries see only one core, so OpenBLAS starts no threads
//   memory.c     if malloc finds no memory, the process ends with a message and exit status 6

#endif
