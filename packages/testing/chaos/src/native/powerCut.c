/*
 * powerCut DIRECTORY…: the file systems mounted there stop as if the power had gone. What was not flushed is lost, the journal's last
 * transactions included (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH). All at once, so that a whole cluster can lose its power.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_LOG_FLUSH 2
#define DIRECTORIES_MAX 64

int main(int count, char **paths) {
  int files[DIRECTORIES_MAX];
  if (count < 2 || count > DIRECTORIES_MAX) return 2;
  for (int k = 1; k < count; k++) {
    files[k] = open(paths[k], O_RDONLY | O_DIRECTORY);
    if (files[k] < 0) {
      perror(paths[k]);
      return 1;
    }
  }
  int failed = 0;
  for (int k = 1; k < count; k++) {
    uint32_t flags = WITHOUT_LOG_FLUSH;
    if (ioctl(files[k], SHUTDOWN, &flags) == 0) continue;
    perror(paths[k]);
    failed = 1;
  }
  return failed;
}
