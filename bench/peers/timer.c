/* The floor: a loop around one timerfd on the wall clock, nothing else.
   Arguments: instants in ms since 1970, in order. Prints when each was seen, in ns since 1970. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int fd = timerfd_create(CLOCK_REALTIME, 0);
  if (fd < 0) return 1;
  for (int i = 1; i < argc; i++) {
    long long ms = atoll(argv[i]);
    struct itimerspec at = {.it_value = {ms / 1000, ms % 1000 * 1000000L}};
    uint64_t fired;
    struct timespec now;
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL)) return 1;
    if (read(fd, &fired, sizeof fired) != sizeof fired) return 1;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
  }
  return 0;
}
