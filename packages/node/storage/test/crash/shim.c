/*
 * Preloaded into a writer process: stands between it and the disk below SHIM_ROOT.
 *
 *   SHIM_LOG        gets a line for every flush and every write of a meta page: "flush FILE", "flushed FILE", "meta FILE", or "volatile-meta
 *                   FILE" when that write is not synced
 *   SHIM_CONTROL    a file that is read at every flush: "hold" blocks it until the file says otherwise, "fail FILE" makes
 *                   it return EIO for files of that name; "full FILE" makes every write to them return ENOSPC
 *   SHIM_SNAPSHOTS  if set, a copy of SHIM_ROOT is made there before and after every write, flush and rename, and logged as
 *                   "snapshot NNNN": what a kill at this very point would leave behind. Before it stands what has become durable:
 *                   "synced PATH", "patched PATH OFFSET LENGTH", "renamed FROM TO", paths below SHIM_ROOT
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int snapshots = 0;

/* The two meta pages come first in an LMDB file. */
#define META_BYTES 8192

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__) = NULL; \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void note(const char *event, const char *name) {
  const char *path = getenv("SHIM_LOG");
  char line[512];
  int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd < 0) return;
  int length = snprintf(line, sizeof line, "%s %s\n", event, name);
  if (write(fd, line, (size_t)length) != length) abort();
  close(fd);
}

/* The name below SHIM_ROOT of what fd is open on, or NULL if it is elsewhere. */
static const char *watched(int fd, char *buffer, size_t size) {
  const char *root = getenv("SHIM_ROOT");
  char link[64];
  if (!root) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, size - 1);
  if (length < 0) return NULL;
  buffer[length] = 0;
  if (strncmp(buffer, root, strlen(root)) != 0) return NULL;
  const char *slash = strrchr(buffer, '/');
  return slash ? slash + 1 : buffer;
}

/* What is told with a snapshot, from the full path in `path`. */
static void tell(const char *event, const char *path, const char *rest) {
  const char *root = getenv("SHIM_ROOT");
  char line[1200];
  if (!getenv("SHIM_SNAPSHOTS")) return;
  const char *relative = path + strlen(root);
  snprintf(line, sizeof line, ".%s%s", relative, rest);
  note(event, line);
}

static void snapshot(void) {
  const char *directory = getenv("SHIM_SNAPSHOTS");
  const char *root = getenv("SHIM_ROOT");
  if (!directory || !root) return;
  pthread_mutex_lock(&lock);
  char number[16], target[1024];
  snprintf(number, sizeof number, "%04d", ++snapshots);
  snprintf(target, sizeof target, "%s/%s", directory, number);
  char *argv[] = {"cp", "-r", (char *)root, target, NULL};
  char *envp[] = {"PATH=/usr/bin:/bin", NULL};
  pid_t pid;
  int status = 0;
  if (posix_spawnp(&pid, "cp", NULL, NULL, argv, envp) != 0 || waitpid(pid, &status, 0) != pid || status != 0) abort();
  note("snapshot", number);
  pthread_mutex_unlock(&lock);
}

static void control(char *line, size_t size) {
  const char *path = getenv("SHIM_CONTROL");
  FILE *file = path ? fopen(path, "r") : NULL;
  line[0] = 0;
  if (!file) return;
  if (fgets(line, (int)size, file)) line[strcspn(line, "\n")] = 0;
  fclose(file);
}

/* Whether the control file says `word` for what fd is open on. */
static int told(const char *word, int fd) {
  char buffer[1024], line[128], expected[160];
  const char *name = watched(fd, buffer, sizeof buffer);
  if (!name) return 0;
  control(line, sizeof line);
  snprintf(expected, sizeof expected, "%s %s", word, name);
  return strcmp(line, expected) == 0;
}

static int flush(int fd, int (*real)(int)) {
  char buffer[1024], line[128];
  const char *name = watched(fd, buffer, sizeof buffer);
  if (!name) return real(fd);
  snapshot();
  note("flush", name);
  for (control(line, sizeof line); strcmp(line, "hold") == 0; control(line, sizeof line)) usleep(2000);
  if (told("fail", fd)) {
    errno = EIO;
    return -1;
  }
  int result = real(fd);
  note("flushed", name);
  tell("synced", buffer, "");
  snapshot();
  return result;
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return flush(fd, real);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  return flush(fd, real);
}

static void written(int fd, long long offset, long long length) {
  char buffer[1024];
  const char *name = watched(fd, buffer, sizeof buffer);
  if (!name || strcmp(name, "lock.mdb") == 0) return;
  if (fcntl(fd, F_GETFL) & O_DSYNC) {
    char place[64];
    snprintf(place, sizeof place, " %lld %lld", offset, length);
    note("meta", name);
    tell("patched", buffer, place);
  }
  else if (strcmp(name, "data.mdb") == 0 && offset < META_BYTES) note("volatile-meta", name);
  snapshot();
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (told("full", fd)) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t result = real(fd, bytes, count, offset);
  written(fd, offset, result);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (told("full", fd)) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t result = real(fd, bytes, count, offset);
  written(fd, offset, result);
  return result;
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  if (told("full", fd)) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t result = real(fd, vectors, count, offset);
  written(fd, offset, result);
  return result;
}

ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  if (told("full", fd)) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t result = real(fd, vectors, count, offset);
  written(fd, offset, result);
  return result;
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  int result = real(from, to);
  const char *root = getenv("SHIM_ROOT");
  if (root && strncmp(from, root, strlen(root)) == 0) {
    char target[1024];
    snprintf(target, sizeof target, " .%s", to + strlen(root));
    tell("renamed", from, target);
  }
  snapshot();
  return result;
}
