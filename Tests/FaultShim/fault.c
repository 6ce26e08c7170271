// Preloaded into a process, makes its Nth call that changes a file go wrong, as PEFT_FAULT says:
//
//   kill:N    the process is killed there; of a write half of the bytes arrive
//   short:N   the disk is full from there on: that write takes half, and later ones fail
//   ENOSPC:N  the call fails for want of space, and so do all that follow
//   EIO:N     the call fails, once
//   thread:N  no thread can be started from the Nth on; calls on files are left alone
//
// Counted are calls on files other than the standard streams: open for writing, write, pwrite,
// fsync, ftruncate, rename, renameat2 and link; for kill also mkdir, unlink and unlinkat.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { NONE, KILL, SHORT, FULL, BROKEN, NO_THREAD };
static enum kind kind;
static long place;
static atomic_long calls;

__attribute__((constructor)) static void read_order(void) {
  const char *order = getenv("PEFT_FAULT"), *colon = order ? strchr(order, ':') : NULL;
  if (!colon) return;
  kind = order[0] == 'k'   ? KILL
         : order[0] == 's' ? SHORT
         : order[0] == 't' ? NO_THREAD
         : order[1] == 'N' ? FULL
                           : BROKEN;
  place = atol(colon + 1);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// What the call at hand is to do: 0 goes on, 1 fails with errno set, 2 stops half way.
static int fate(int is_write) {
  if (kind == NONE || kind == NO_THREAD) return 0;
  long call = atomic_fetch_add(&calls, 1) + 1;
  if (call < place || (call > place && (kind == KILL || kind == BROKEN))) return 0;
  if (kind == KILL && !is_write) raise(SIGKILL);
  if (kind == KILL || (kind == SHORT && call == place && is_write)) return 2;
  errno = kind == BROKEN ? EIO : ENOSPC;
  return 1;
}

static ssize_t write_half(int is_at, int file, const void *bytes, size_t count, off_t offset) {
  size_t half = count / 2;
  ssize_t done = half == 0 ? 0 : is_at ? REAL(pwrite)(file, bytes, half, offset)
                                       : REAL(write)(file, bytes, half);
  if (kind == KILL) raise(SIGKILL);
  if (done == 0) {
    errno = ENOSPC;
    return -1;
  }
  return done;
}

ssize_t write(int file, const void *bytes, size_t count) {
  int what = file > 2 ? fate(1) : 0;
  if (what == 1) return -1;
  return what == 2 ? write_half(0, file, bytes, count, 0) : REAL(write)(file, bytes, count);
}

static ssize_t write_at(int file, const void *bytes, size_t count, off_t offset) {
  int what = fate(1);
  if (what == 1) return -1;
  return what == 2 ? write_half(1, file, bytes, count, offset)
                   : REAL(pwrite)(file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return write_at(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
  return write_at(file, bytes, count, offset);
}

int fsync(int file) { return fate(0) ? -1 : REAL(fsync)(file); }
int ftruncate(int file, off_t length) { return fate(0) ? -1 : REAL(ftruncate)(file, length); }
int ftruncate64(int file, off_t length) { return fate(0) ? -1 : REAL(ftruncate)(file, length); }
int rename(const char *from, const char *to) { return fate(0) ? -1 : REAL(rename)(from, to); }

int link(const char *from, const char *to) { return fate(0) ? -1 : REAL(link)(from, to); }

int renameat2(int from, const char *one, int to, const char *other, unsigned flags) {
  return fate(0) ? -1 : REAL(renameat2)(from, one, to, other, flags);
}

int mkdir(const char *path, mode_t mode) {
  if (kind == KILL) fate(0);
  return REAL(mkdir)(path, mode);
}

int unlinkat(int directory, const char *path, int flags) {
  if (kind == KILL) fate(0);
  return REAL(unlinkat)(directory, path, flags);
}

int unlink(const char *path) {
  if (kind == KILL) fate(0);
  return REAL(unlink)(path);
}

static int open_file(const char *path, int flags, mode_t mode) {
  if ((flags & O_CREAT) && fate(0)) return -1;
  return REAL(open)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_file(path, flags, mode);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *argument) {
  if (kind == NO_THREAD && atomic_fetch_add(&calls, 1) + 1 >= place) return EAGAIN;
  return REAL(pthread_create)(thread, attributes, body, argument);
}
