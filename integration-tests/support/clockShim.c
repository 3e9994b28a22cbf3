/*
 * Adds to the wall clock the seconds that the file named by CLOCK_SHIM_FILE holds; an absent file adds none. The file is read again every
 * millisecond at most, so a test can let the clock of a running node jump. The monotonic clock stays as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*clock_function)(clockid_t, struct timespec *);

static int real_clock(clockid_t id, struct timespec *out) {
  static clock_function real;
  if (real == NULL) real = (clock_function)dlsym(RTLD_NEXT, "clock_gettime");
  return real(id, out);
}

static long skew(void) {
  static __thread long seconds;
  static __thread long long read_ms = -1;
  struct timespec now;
  real_clock(CLOCK_MONOTONIC, &now);
  long long ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
  if (ms == read_ms) return seconds;
  read_ms = ms;
  seconds = 0;
  const char *path = getenv("CLOCK_SHIM_FILE");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[32] = {0};
  if (read(file, text, sizeof text - 1) > 0) seconds = atol(text);
  close(file);
  return seconds;
}

int clock_gettime(clockid_t id, struct timespec *out) {
  int result = real_clock(id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += skew();
  return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
