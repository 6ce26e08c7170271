// Ends the process with a message and exit status 6 if malloc finds no memory.
//
// Without this, OpenBLAS would retry for ever, and Swift would end the process as for a programming
// error. Both get their memory from malloc, at the latest as a last resort. The functions here wrap
// those of glibc and end the process on failure. They then call only write and _exit, which are
// safe wherever malloc is.

#if defined(__linux__)

#include <features.h>

#if defined(__GLIBC__)

#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

// The exit status for lack of memory or disk space; ExitStatus.noSpace.
enum { status = 6 };

struct message {
  char text[512];
  size_t length;
};

static void add(struct message *message, const char *text) {
  while (*text != 0 && message->length < sizeof message->text) {
    message->text[message->length++] = *text++;
  }
}

static void add_mebibytes(struct message *message, size_t bytes) {
  char digits[24];
  size_t start = sizeof digits - 1;
  size_t number = bytes >> 20;
  digits[start] = 0;
  do {
    digits[--start] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  add(message, digits + start);
  add(message, " MiB");
}

static _Noreturn void end(size_t wanted) {
  // Several workers may find no memory at once; one message is enough.
  static atomic_flag has_ended = ATOMIC_FLAG_INIT;
  while (atomic_flag_test_and_set(&has_ended)) pause();
  struct message message = {.length = 0};
  struct rlimit limit, data;
  add(&message, "peft: out of memory: the system has no ");
  add_mebibytes(&message, wanted < 1 << 20 ? 1 << 20 : wanted);
  add(&message, " more");
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    add(&message, "; the limit on addresses (ulimit -v) is ");
    add_mebibytes(&message, limit.rlim_cur);
    add(&message, ", and products take 128 MiB for each worker: raise it, or lower --workers\n");
  } else if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY) {
    add(&message, "; the limit on data (ulimit -d) is ");
    add_mebibytes(&message, data.rlim_cur);
    add(&message, ", and products take 128 MiB for each worker: raise it, or lower --workers\n");
  } else {
    add(&message, "; free memory, or lower --workers or --batch-size\n");
  }
  ssize_t ignored = write(STDERR_FILENO, message.text, message.length);
  (void)ignored;
  _exit(status);
}

void *malloc(size_t size) {
  void *memory = __libc_malloc(size);
  if (memory == NULL && size > 0) end(size);
  return memory;
}

void *calloc(size_t count, size_t size) {
  void *memory = __libc_calloc(count, size);
  size_t bytes;
  if (memory == NULL && count > 0 && size > 0) {
    end(__builtin_mul_overflow(count, size, &bytes) ? (size_t)-1 : bytes);
  }
  return memory;
}

void *realloc(void *memory, size_t size) {
  void *grown = __libc_realloc(memory, size);
  if (grown == NULL && size > 0) end(size);
  return grown;
}

#endif
#endif
