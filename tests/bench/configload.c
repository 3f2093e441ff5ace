/* configload: reads the configuration of another host with each request, so that nothing can be answered from a cache.
 *
 *   cc -O2 -o configload configload.c
 *   configload HOST PORT CLIENTS FIRST COUNT SECONDS PATTERN
 *
 * Host number n is named host-NNNNNN, has the address 127.64.0.0 + n, from which it asks, and the MAC 52:54:01 and n in
 * three bytes. PATTERN is the path: %M stands for the MAC with hyphens; a path without it is read as it is and its
 * content is not looked at. One epoll loop drives CLIENTS reads at once, each from a socket of its own, with the options
 * of PXELINUX (tsize, blksize 1408), and asks again after a second. One line of JSON: counts, seconds, and latencies in
 * milliseconds from the first request to the last block.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLKSIZE 1408
#define AGAIN_S 1.0
#define TRIES 8

typedef struct {
  int fd, number, connected, tries, length, size, blksize;
  uint16_t next;
  double begun, sent;
  uint8_t packet[600];
  uint8_t content[65536];
} Read;

static struct sockaddr_in server;
static const char *pattern;
static int queue, first, count, started, done, failed, wrong, again;
static double *latencies;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void put(Read *r, const void *packet, int length) {
  if (packet != r->packet) memcpy(r->packet, packet, length);
  r->length = length;
  r->sent = now();
  if (r->connected)
    send(r->fd, r->packet, length, 0);
  else
    sendto(r->fd, r->packet, length, 0, (void *)&server, sizeof server);
}

static int word(uint8_t *at, const char *text) { return sprintf((char *)at, "%s", text) + 1; }

static void ask(Read *r) {
  char path[400], mac[32];
  int n = r->number, length = 2;
  const char *mark = strstr(pattern, "%M");
  sprintf(mac, "52-54-01-%02x-%02x-%02x", n >> 16 & 255, n >> 8 & 255, n & 255);
  if (mark)
    snprintf(path, sizeof path, "%.*s%s%s", (int)(mark - pattern), pattern, mac, mark + 2);
  else
    snprintf(path, sizeof path, "%s", pattern);
  uint8_t packet[600] = {0, 1};
  length += word(packet + length, path);
  length += word(packet + length, "octet");
  length += word(packet + length, "tsize");
  length += word(packet + length, "0");
  length += word(packet + length, "blksize");
  length += word(packet + length, "1408");
  put(r, packet, length);
}

static void begin(Read *r, int place) {
  struct sockaddr_in here = {.sin_family = AF_INET};
  memset(r, 0, offsetof(Read, packet));
  r->number = first + started++;
  r->next = 1;
  r->blksize = 512;
  r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  here.sin_addr.s_addr = htonl(0x7f400000u + r->number);
  if (bind(r->fd, (void *)&here, sizeof here)) { perror("bind"); exit(2); }
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = place};
  epoll_ctl(queue, EPOLL_CTL_ADD, r->fd, &e);
  r->begun = now();
  ask(r);
}

static void end(Read *r, int place, int ok) {
  char name[32];
  sprintf(name, "host-%06d", r->number);
  if (ok && strstr(pattern, "%M") && !memmem(r->content, r->size, name, strlen(name))) { wrong++; ok = 0; }
  if (ok) latencies[done++] = (now() - r->begun) * 1e3; else failed++;
  close(r->fd);
  r->fd = -1;
  if (started < count) begin(r, place);
}

static void hear(Read *r, int place) {
  uint8_t packet[2048];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  int length = recvfrom(r->fd, packet, sizeof packet, 0, (void *)&from, &size);
  if (length < 4) return;
  if (!r->connected) { connect(r->fd, (void *)&from, size); r->connected = 1; }
  uint16_t block = packet[2] << 8 | packet[3];
  if (packet[1] == 5) { end(r, place, 0); return; }
  if (packet[1] == 6) {
    if (memmem(packet, length, "blksize", 8)) r->blksize = BLKSIZE;
    uint8_t ack[4] = {0, 4, 0, 0};
    put(r, ack, 4);
    return;
  }
  if (packet[1] != 3 || block != r->next) return;
  if (r->size + length - 4 > (int)sizeof r->content) { end(r, place, 0); return; }
  memcpy(r->content + r->size, packet + 4, length - 4);
  r->size += length - 4;
  r->next++;
  uint8_t ack[4] = {0, 4, packet[2], packet[3]};
  put(r, ack, 4);
  if (length - 4 < r->blksize) end(r, place, 1);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  int clients = atoi(argv[3]);
  server.sin_family = AF_INET;
  server.sin_port = htons(atoi(argv[2]));
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  first = atoi(argv[4]), count = atoi(argv[5]), pattern = argv[7];
  double limit = atof(argv[6]), begun = now(), checked = begun;
  Read *reads = calloc(clients, sizeof *reads);
  latencies = calloc(count + 1, sizeof *latencies);
  queue = epoll_create1(0);
  for (int i = 0; i < clients; i++) reads[i].fd = -1;
  for (int i = 0; i < clients && started < count; i++) begin(&reads[i], i);
  while (done + failed < count && now() - begun < limit) {
    struct epoll_event events[64];
    int n = epoll_wait(queue, events, 64, 50);
    for (int k = 0; k < n; k++) hear(&reads[events[k].data.u32], events[k].data.u32);
    if (now() - checked < 0.05) continue;
    checked = now();
    for (int i = 0; i < clients; i++) {
      Read *r = &reads[i];
      if (r->fd < 0 || checked - r->sent < AGAIN_S) continue;
      again++;
      if (++r->tries > TRIES) end(r, i, 0); else put(r, r->packet, r->length);
    }
  }
  double took = now() - begun;
  qsort(latencies, done, sizeof *latencies, by_size);
  printf("{\"asked\": %d, \"done\": %d, \"failed\": %d, \"wrong\": %d, \"again\": %d, \"seconds\": %.4f, \"p50\": %.3f, "
         "\"p99\": %.3f, \"max\": %.3f}\n",
         started, done, failed, wrong, again, took, latencies[done / 2], latencies[done * 99 / 100],
         latencies[done ? done - 1 : 0]);
  return done == count ? 0 : 1;
}
