/*
 * Preloaded into a node: stands between it and the files below DRILL_DISK_ROOT. What goes wrong is said by files that the harness makes:
 *
 *   DRILL_DISK_CONTROL + ".flush"   every fdatasync and fsync fails with EIO
 *   DRILL_DISK_CONTROL + ".write"   every pwrite and writev fails with EIO
 *   DRILL_DISK_CONTROL + ".slow"    every one of these calls takes as many microseconds longer as the file says
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
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

static int watched(int fd) {
  const char *root = getenv("DRILL_DISK_ROOT");
  char link[64], path[1024];
  if (!root) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, root, strlen(root)) == 0;
}

/* 0, or the error that the call must return. */
static int trouble(int fd, const char *failing) {
  char path[1024];
  int slow = control(".slow", path, sizeof path) != NULL;
  int fails = control(failing, path, sizeof path) != NULL;
  if ((!slow && !fails) || !watched(fd)) return 0;
  if (slow) {
    control(".slow", path, sizeof path);
    unsigned delay = 0;
    FILE *file = fopen(path, "r");
    if (file) {
      if (fscanf(file, "%u", &delay) != 1) delay = 0;
      fclose(file);
    }
    usleep(delay);
  }
  return fails ? EIO : 0;
}

#define UNLESS_FAILING(failing, call) \
  int error = trouble(fd, failing); \
  if (error) { \
    errno = error; \
    return -1; \
  } \
  return call

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  UNLESS_FAILING(".flush", real(fd));
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  UNLESS_FAILING(".flush", real(fd));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  UNLESS_FAILING(".write", real(fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  UNLESS_FAILING(".write", real(fd, bytes, count, offset));
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  UNLESS_FAILING(".write", real(fd, vectors, count, offset));
}

ssize_t writev(int fd, const struct iovec *vectors, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  UNLESS_FAILING(".write", real(fd, vectors, count));
}

ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  UNLESS_FAILING(".write", real(fd, vectors, count, offset));
}
