/*
 * Preloaded into a process: its calls to the system about files below ANNALS_REFUSE_BELOW are refused as the file ANNALS_REFUSE_CONTROL
 * says, for as long as it exists. "N ERRNO": the N-th call that may end with that errno does, and no other one. "0 ERRNO END": so does every
 * call about a path with that end. "-1 ERRNO": none does; each that may adds a byte to the file with the same path and ".count." and the
 * process id. What was refused first is written to the same path and ".hit", after "every " in the second case. With KILLED in the place of
 * an errno the process is killed before a call that would change something, as by kill -9; the file says "killed " then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH 4096
/* No errno is so large. */
#define KILLED 1000
#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__) = NULL; \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* What each kind of call may end with. */
enum kind { OPEN_READ, OPEN_WRITE, LIST, LOOK, WRITE, FLUSH, NAME, REMOVE, MAP };

static int may_end_with(enum kind kind, int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return kind == OPEN_WRITE || kind == WRITE || kind == NAME;
    case EROFS: return kind == OPEN_WRITE || kind == NAME || kind == REMOVE;
    case EMFILE: return kind == OPEN_READ || kind == OPEN_WRITE || kind == LIST;
    case EACCES: return kind != WRITE && kind != FLUSH && kind != MAP;
    case EIO: return kind == WRITE || kind == FLUSH;
    case ENOMEM: return kind == MAP;
    case KILLED: return kind != OPEN_READ && kind != LIST && kind != LOOK && kind != MAP;
    default: return 0;
  }
}

static int counted = 0;

static int ends_with(const char *path, const char *end) {
  size_t length = strlen(path), last = strlen(end);
  return length >= last && strcmp(path + length - last, end) == 0;
}

/* The errno that this call must end with, or 0. */
static int refusal(enum kind kind, const char *call, const char *path) {
  const char *root = getenv("ANNALS_REFUSE_BELOW"), *control = getenv("ANNALS_REFUSE_CONTROL");
  if (!root || !control || !path || strncmp(path, root, strlen(root)) != 0) return 0;
  REAL(int, "open", const char *, int, ...);
  int file = real(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    counted = 0;
    return 0;
  }
  char text[512], end[256] = "", hit[PATH];
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  int n = 0, error = 0;
  text[length < 0 ? 0 : length] = 0;
  if (sscanf(text, "%d %d %255s", &n, &error, end) < 2 || !may_end_with(kind, error)) return 0;
  if (n < 0) {
    snprintf(hit, sizeof hit, "%s.count.%d", control, (int)getpid());
    file = real(hit, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) dprintf(file, ".");
    if (file >= 0) close(file);
    return 0;
  }
  if (*end ? !ends_with(path, end) : __sync_add_and_fetch(&counted, 1) != n) return 0;
  snprintf(hit, sizeof hit, "%s.hit", control);
  file = real(hit, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return *end ? error : 0;
  const char *how = error == KILLED ? "killed " : *end ? "every " : "";
  dprintf(file, "%s%s %s", how, call, path + strlen(root));
  close(file);
  if (error == KILLED) kill(getpid(), SIGKILL);
  return error;
}

static int refusal_of(enum kind kind, const char *call, int fd) {
  char link[64], path[PATH];
  if (fd < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return refusal(kind, call, path);
}

#define UNLESS(refused, failed, call) \
  int error = refused; \
  if (error) { \
    errno = error; \
    return failed; \
  } \
  return call

static enum kind opened(int flags) {
  return (flags & (O_CREAT | O_WRONLY | O_RDWR)) ? OPEN_WRITE : OPEN_READ;
}

#define MODE_OF(flags) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }

int open(const char *path, int flags, ...) {
  REAL(int, "open", const char *, int, ...);
  MODE_OF(flags)
  UNLESS(refusal(opened(flags), "open", path), -1, real(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
  REAL(int, "open64", const char *, int, ...);
  MODE_OF(flags)
  UNLESS(refusal(opened(flags), "open", path), -1, real(path, flags, mode));
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  UNLESS(refusal(NAME, "mkdir", path), -1, real(path, mode));
}

char *mkdtemp(char *path) {
  REAL(char *, "mkdtemp", char *);
  UNLESS(refusal(NAME, "mkdtemp", path), NULL, real(path));
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  UNLESS(refusal(NAME, "rename", to), -1, real(from, to));
}

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  UNLESS(refusal(REMOVE, "unlink", path), -1, real(path));
}

int rmdir(const char *path) {
  REAL(int, "rmdir", const char *);
  UNLESS(refusal(REMOVE, "rmdir", path), -1, real(path));
}

int scandir(const char *path, struct dirent ***names, int (*chosen)(const struct dirent *),
            int (*order)(const struct dirent **, const struct dirent **)) {
  REAL(int, "scandir", const char *, struct dirent ***, int (*)(const struct dirent *),
       int (*)(const struct dirent **, const struct dirent **));
  UNLESS(refusal(LIST, "scandir", path), -1, real(path, names, chosen, order));
}

int scandir64(const char *path, struct dirent64 ***names, int (*chosen)(const struct dirent64 *),
              int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  REAL(int, "scandir64", const char *, struct dirent64 ***, int (*)(const struct dirent64 *),
       int (*)(const struct dirent64 **, const struct dirent64 **));
  UNLESS(refusal(LIST, "scandir", path), -1, real(path, names, chosen, order));
}

int access(const char *path, int mode) {
  REAL(int, "access", const char *, int);
  UNLESS(refusal(LOOK, "access", path), -1, real(path, mode));
}

/* How libuv looks at a file. */
long syscall(long number, ...) {
  REAL(long, "syscall", long, ...);
  long given[6];
  va_list rest;
  va_start(rest, number);
  for (int k = 0; k < 6; k++) given[k] = va_arg(rest, long);
  va_end(rest);
  const char *path = number == SYS_statx ? (const char *)given[1] : NULL;
  UNLESS(refusal(LOOK, "statx", path), -1,
         real(number, given[0], given[1], given[2], given[3], given[4], given[5]));
}

int ftruncate(int fd, off_t length) {
  REAL(int, "ftruncate", int, off_t);
  UNLESS(refusal_of(WRITE, "ftruncate", fd), -1, real(fd, length));
}

int ftruncate64(int fd, off64_t length) {
  REAL(int, "ftruncate64", int, off64_t);
  UNLESS(refusal_of(WRITE, "ftruncate", fd), -1, real(fd, length));
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  REAL(int, "posix_fallocate", int, off_t, off_t);
  int error = refusal_of(WRITE, "posix_fallocate", fd);
  return error ? error : real(fd, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  REAL(int, "fallocate", int, int, off_t, off_t);
  UNLESS(refusal_of(WRITE, "fallocate", fd), -1, real(fd, mode, offset, length));
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  REAL(void *, "mmap", void *, size_t, int, int, int, off_t);
  UNLESS(refusal_of(MAP, "mmap", fd), MAP_FAILED, real(address, length, protection, flags, fd, offset));
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  UNLESS(refusal_of(FLUSH, "fsync", fd), -1, real(fd));
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  UNLESS(refusal_of(FLUSH, "fdatasync", fd), -1, real(fd));
}

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  UNLESS(refusal_of(WRITE, "write", fd), -1, real(fd, bytes, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  UNLESS(refusal_of(WRITE, "pwrite", fd), -1, real(fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  return pwrite(fd, bytes, count, offset);
}

ssize_t writev(int fd, const struct iovec *vectors, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  UNLESS(refusal_of(WRITE, "writev", fd), -1, real(fd, vectors, count));
}
