/*
 * Preloaded into a node: stands between it and its disk. Files that a test makes say what happens:
 *
 *   ANNALS_HOLD_FLUSH               every fdatasync is held while the file exists; ".entered" beside it is a mark that one is held
 *   ANNALS_HOLD_FLUSH + ".fail"     every fdatasync fails with EIO
 *   ANNALS_HOLD_FLUSH + ".once"     the next fdatasync of a segment fails with EIO and removes the file; later ones on the same open
 *                                   file succeed, and nothing of them reaches the disk
 *
 * With ANNALS_KEPT_BELOW, what has reached the disk of each segment and sidecar below that directory is beside it in "….durable": put in
 * its place it shows what a power cut would have left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 4096
#define PATH 4096

/* Open files of which a flush has failed. */
static char lost[FILES];

static int is_there(const char *suffix) {
  const char *hold = getenv("ANNALS_HOLD_FLUSH");
  char path[PATH];
  if (hold == NULL) return 0;
  snprintf(path, sizeof path, "%s%s", hold, suffix);
  return access(path, F_OK) == 0;
}

static void mark(const char *suffix) {
  char path[PATH];
  snprintf(path, sizeof path, "%s%s", getenv("ANNALS_HOLD_FLUSH"), suffix);
  int file = open(path, O_CREAT | O_WRONLY, 0600);
  if (file >= 0) close(file);
}

static int ends_with(const char *path, const char *end) {
  size_t length = strlen(path), part = strlen(end);
  return length >= part && strcmp(path + length - part, end) == 0;
}

/* Whether the file is one of those that are kept; then its path is in `path`. */
static int is_kept(int fd, char *path) {
  const char *below = getenv("ANNALS_KEPT_BELOW");
  char link[64];
  if (below == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH - 32);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, below, strlen(below)) != 0) return 0;
  return ends_with(path, "/data.mdb") || ends_with(path, "/sidecar");
}

/* All of a file has reached the disk. */
static void keep(const char *path) {
  char durable[PATH], written[PATH], bytes[65536];
  snprintf(durable, sizeof durable, "%s.durable", path);
  snprintf(written, sizeof written, "%s.durable-new", path);
  int from = open(path, O_RDONLY), to = open(written, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  ssize_t count = 0;
  while (from >= 0 && to >= 0 && (count = read(from, bytes, sizeof bytes)) > 0)
    if (write(to, bytes, count) != count) abort();
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  rename(written, durable);
}

/* A part of a file has, since it was opened so that each write waits for the disk. */
static void keep_part(int fd, const void *bytes, size_t count, off_t offset) {
  char path[PATH];
  if ((fcntl(fd, F_GETFL) & O_DSYNC) == 0 || !is_kept(fd, path)) return;
  strcat(path, ".durable");
  int file = open(path, O_WRONLY);
  if (file < 0) return;
  if (pwrite(file, bytes, count, offset) != (ssize_t)count) abort();
  close(file);
}

static int fails_from_now_on(int fd, const char *path) {
  char once[PATH];
  const char *hold = getenv("ANNALS_HOLD_FLUSH");
  if (hold == NULL || !ends_with(path, "/data.mdb")) return 0;
  snprintf(once, sizeof once, "%s.once", hold);
  if (unlink(once) != 0) return 0;
  if (fd < FILES) lost[fd] = 1;
  return 1;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (is_there("")) {
    mark(".entered");
    while (is_there("")) usleep(1000);
  }
  char path[PATH];
  int kept = is_kept(fd, path);
  if (is_there(".fail") || (kept && fails_from_now_on(fd, path))) {
    errno = EIO;
    return -1;
  }
  if (fd < FILES && lost[fd]) return 0;
  int result = real(fd);
  if (result == 0 && kept) keep(path);
  return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (real == NULL) real = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  ssize_t result = real(fd, bytes, count, offset);
  if (result == (ssize_t)count) keep_part(fd, bytes, count, offset);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  return pwrite(fd, bytes, count, offset);
}

int close(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
  if (fd >= 0 && fd < FILES) lost[fd] = 0;
  return real(fd);
}
