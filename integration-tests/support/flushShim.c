/*
 * Holds every fdatasync while the file named by ANNALS_HOLD_FLUSH exists, and leaves a mark beside it when one is held; with a file of that
 * name and ".fail" every fdatasync fails with EIO. Preloaded into a node, it shows what the node does before its disk has the data, and
 * when it never will.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const char *hold = getenv("ANNALS_HOLD_FLUSH");
  if (hold != NULL && access(hold, F_OK) == 0) {
    char mark[4096];
    snprintf(mark, sizeof mark, "%s.entered", hold);
    int file = open(mark, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) close(file);
    while (access(hold, F_OK) == 0) usleep(1000);
  }
  char fail[4096];
  snprintf(fail, sizeof fail, "%s.fail", hold == NULL ? "" : hold);
  if (hold != NULL && access(fail, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}
