#ifndef CPEFT_PROCESS_H
#define CPEFT_PROCESS_H

// What the `peft` command needs of its process before and below Swift. It is linked into the
// command alone and works without a call:
//
//   affinity.c   the libraries that are loaded see one core, so OpenBLAS starts no threads
//   memory.c     if malloc finds no memory, the process ends with a message and exit status 6

#endif
