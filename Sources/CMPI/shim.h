// MPI as functions on pointers and numbers. Communicators, datatypes and constants are macros in
// every MPI, and their types differ between Open MPI and MPICH; here, no name of MPI is left that
// Swift would have to know.
#ifndef PEFT_MPI_SHIM_H
#define PEFT_MPI_SHIM_H

#include <mpi.h>
#include <stddef.h>

// An operation that has begun.
typedef struct {
  MPI_Request request;
} peft_mpi_operation;

// Begins to use MPI from this thread alone. Errors are returned from here on. Sets the number of
// this process and of all processes.
static inline int peft_mpi_start(int *rank, int *count) {
  int provided = 0;
  int error = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (error != MPI_SUCCESS) return error;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if ((error = MPI_Comm_rank(MPI_COMM_WORLD, rank)) != MPI_SUCCESS) return error;
  return MPI_Comm_size(MPI_COMM_WORLD, count);
}

// Begins to send bytes to every process and to receive some from each.
static inline int peft_mpi_exchange(
    const void *sent, const int *sent_counts, const int *sent_starts, void *received,
    const int *received_counts, const int *received_starts, peft_mpi_operation *operation) {
  return MPI_Ialltoallv(
      sent, sent_counts, sent_starts, MPI_BYTE, received, received_counts, received_starts,
      MPI_BYTE, MPI_COMM_WORLD, &operation->request);
}

// Begins to give every process the bytes of each.
static inline int peft_mpi_gather(
    const void *sent, int count, void *received, const int *counts, const int *starts,
    peft_mpi_operation *operation) {
  return MPI_Iallgatherv(
      sent, count, MPI_BYTE, received, counts, starts, MPI_BYTE, MPI_COMM_WORLD,
      &operation->request);
}

// Sets `done` to whether the operation has ended.
static inline int peft_mpi_test(peft_mpi_operation *operation, int *done) {
  return MPI_Test(&operation->request, done, MPI_STATUS_IGNORE);
}

// Ends all processes.
static inline int peft_mpi_abort(int status) { return MPI_Abort(MPI_COMM_WORLD, status); }

// Ends the use of MPI.
static inline int peft_mpi_end(void) { return MPI_Finalize(); }

// The name and version of the library.
static inline int peft_mpi_version(char *text, int capacity) {
  char buffer[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  int error = MPI_Get_library_version(buffer, &length);
  if (error != MPI_SUCCESS || capacity <= 0) return error;
  int index = 0;
  for (; index < length && index < capacity - 1 && buffer[index] != '\n'; ++index)
    text[index] = buffer[index];
  text[index] = 0;
  return MPI_SUCCESS;
}

#endif
