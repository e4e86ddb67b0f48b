/* The devices of many rooms: answers each line on a TCP port of the loopback with one byte.
   Prints its port; then, once its input ends, for each line the instant at which its first byte was
   seen, in ns since 1970, and the line. A line is sent whole; several may come at once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 1 << 17, LENGTH = 64, BUFFER = 1024, AT_ONCE = 64, BACKLOG = 4096 };

static struct { long long at_ns; char said[LENGTH]; } seen[LINES];
static int count;

static int watch(int poll, int fd) {
  struct epoll_event wish = {.events = EPOLLIN, .data.fd = fd};
  return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wish);
}

static void take(int fd) {
  char said[BUFFER], *rest = said, *line;
  ssize_t length = recv(fd, said, sizeof said - 1, 0);
  if (length <= 0) {
    close(fd);
    return;
  }
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  said[length] = 0;
  while ((line = strsep(&rest, "\n")) && rest) {
    (void)!send(fd, "+", 1, MSG_NOSIGNAL);
    if (count == LINES) continue;
    snprintf(seen[count].said, LENGTH, "%s", line);
    seen[count++].at_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
  }
}

int main(void) {
  int on = 1, poll = epoll_create1(0), door = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  if (poll < 0 || door < 0 || bind(door, (struct sockaddr *)&here, size)) return 1;
  if (listen(door, BACKLOG) || getsockname(door, (struct sockaddr *)&here, &size)) return 1;
  if (watch(poll, door) || watch(poll, 0)) return 1;
  printf("%d\n", ntohs(here.sin_port));
  fflush(stdout);
  memset(seen, 0, sizeof seen); /* The pages are there before they are needed. */
  for (;;) {
    struct epoll_event ready[AT_ONCE];
    int found = epoll_wait(poll, ready, AT_ONCE, -1);
    for (int i = 0; i < found; i++) {
      int fd = ready[i].data.fd;
      if (fd == 0) goto over;
      if (fd != door) {
        take(fd);
        continue;
      }
      int guest = accept(door, NULL, NULL);
      if (guest < 0) continue;
      setsockopt(guest, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (watch(poll, guest)) return 1;
    }
  }
over:
  for (int i = 0; i < count; i++) printf("%lld %s\n", seen[i].at_ns, seen[i].said);
  return 0;
}
