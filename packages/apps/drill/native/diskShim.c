/*
 * Preloaded into a node: stands between it and the files below DRILL_DISK_ROOT. What goes wrong is said by files that the harness makes:
 *
 *   DRILL_DISK_CONTROL + ".flush"   every fdatasync and fsync fails with EIO
 *   DRILL_DISK_CONTROL + ".write"   every pwrite and writev fails with EIO
 *   DRILL_DISK_CONTROL + ".slow"    three numbers: microseconds that each of these calls takes longer; bytes a second that all writes
 *                                   together get (0: as many as they want); 1 if only files of blobs are meant. What is left out is 0
 *   DRILL_DISK_CONTROL + ".slowed"  is made by the first call that took longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__) = NULL; \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static const char *control(const char *suffix, char *path, size_t size) {
  const char *prefix = getenv("DRILL_DISK_CONTROL");
  if (!prefix) return NULL;
  snprintf(path, size, "%s%s", prefix, suffix);
  return access(path, F_OK) == 0 ? path : NULL;
}

static int watched(int fd, char *path, size_t size) {
  const char *root = getenv("DRILL_DISK_ROOT");
  char link[64];
  if (!root) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, root, strlen(root)) == 0;
}

#define PIECE_SECONDS 0.05

struct slowness {
  unsigned delay;
  unsigned long rate;
  int blobs_only;
};

static pthread_mutex_t line = PTHREAD_MUTEX_INITIALIZER;

static struct slowness read_slowness(const char *path) {
  struct slowness slow = {0, 0, 0};
  FILE *file = fopen(path, "r");
  if (!file) return slow;
  if (fscanf(file, "%u %lu %d", &slow.delay, &slow.rate, &slow.blobs_only) < 1) slow.delay = 0;
  fclose(file);
  return slow;
}

/* Writers share one line: each waits until those before it are through. */
static void take_longer(struct slowness slow, size_t bytes) {
  char path[1024];
  snprintf(path, sizeof path, "%s.slowed", getenv("DRILL_DISK_CONTROL"));
  int mark = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (mark >= 0) close(mark);
  if (slow.delay > 0) usleep(slow.delay);
  if (slow.rate == 0 || bytes == 0) return;
  pthread_mutex_lock(&line);
  /* In small pieces: when the disk recovers, nobody goes on waiting for what it was. */
  char slow_file[1024];
  double left = (double)bytes / (double)slow.rate;
  for (; left > 0 && control(".slow", slow_file, sizeof slow_file); left -= PIECE_SECONDS) {
    double piece = left < PIECE_SECONDS ? left : PIECE_SECONDS;
    struct timespec time = {0, (long)(piece * 1e9)};
    nanosleep(&time, NULL);
  }
  pthread_mutex_unlock(&line);
}

/* 0, or the error that the call must return. */
static int trouble(int fd, const char *failing, size_t bytes) {
  char path[1024], target[1024];
  int slow = control(".slow", path, sizeof path) != NULL;
  char unused[1024];
  int fails = failing && control(failing, unused, sizeof unused) != NULL;
  if ((!slow && !fails) || !watched(fd, target, sizeof target)) return 0;
  if (slow) {
    struct slowness slowness = read_slowness(path);
    if (!slowness.blobs_only || strstr(target, "/blobs/")) take_longer(slowness, bytes);
  }
  return fails ? EIO : 0;
}

static size_t bytes_of(const struct iovec *vectors, int count) {
  size_t bytes = 0;
  for (int k = 0; k < count; k++) bytes += vectors[k].iov_len;
  return bytes;
}

#define UNLESS_FAILING(failing, bytes, call) \
  int error = trouble(fd, failing, bytes); \
  if (error) { \
    errno = error; \
    return -1; \
  } \
  return call

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  UNLESS_FAILING(".flush", 0, real(fd));
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  UNLESS_FAILING(".flush", 0, real(fd));
}

/* LMDB does not use it; files of blobs are written with it. It never fails, only takes longer. */
ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  UNLESS_FAILING(NULL, count, real(fd, bytes, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  UNLESS_FAILING(".write", count, real(fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  UNLESS_FAILING(".write", count, real(fd, bytes, count, offset));
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  UNLESS_FAILING(".write", bytes_of(vectors, count), real(fd, vectors, count, offset));
}

ssize_t writev(int fd, const struct iovec *vectors, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  UNLESS_FAILING(".write", bytes_of(vectors, count), real(fd, vectors, count));
}

ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  UNLESS_FAILING(".write", bytes_of(vectors, count), real(fd, vectors, count, offset));
}
