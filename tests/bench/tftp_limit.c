/* tftp_limit: about the least work that a TFTP read server can do on one processor; real ones are measured against it.
 *
 *   cc -O2 -o tftp_limit tftp_limit.c
 *   tftp_limit PORT ROOT                      127.0.0.1 only; runs until it is killed
 *
 * One thread, one epoll set, a connected socket for each transfer. All packets of a (file, blksize) are made once, and a
 * whole window leaves in one sendmsg that the kernel cuts (UDP_SEGMENT). It has no timers, no limits, no checks of names
 * or options and repeats nothing: never a server to use, only a bound to compare with.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { DATA = 3, ACK = 4, OACK = 6, HEADER = 4, MAX_FRAMED = 64, MAX_FDS = 1 << 17, MAX_SEGMENTS = 64 };
enum { MAX_DATAGRAM = 65507, SEND_BUFFER = 4 << 20, EVENTS = 256 };

struct framed { /* a file at one blksize, as packets back to back */
    char name[256];
    size_t frame, len;
    uint64_t blocks;
    uint8_t *packets;
};

struct transfer { /* by descriptor */
    const struct framed *file;
    uint64_t acked;
    int window;
};

static struct framed framed[MAX_FRAMED];
static struct transfer transfers[MAX_FDS];
static const char *root;
static int epoll_fd;

/* Reads a file between the headers of its packets. */
static bool frame_file(struct framed *file, int fd, size_t size, size_t blksize) {
    file->frame = blksize + HEADER;
    file->blocks = size / blksize + 1;
    file->len = size + HEADER * file->blocks;
    file->packets = malloc(file->len);
    uint8_t *at = file->packets;
    for (uint64_t block = 1; block <= file->blocks; block++) {
        size_t payload = block < file->blocks ? blksize : size % blksize;
        at[0] = 0, at[1] = DATA, at[2] = block >> 8, at[3] = block;
        if (payload && read(fd, at + HEADER, payload) != (ssize_t)payload)
            return false;
        at += HEADER + payload;
    }
    return true;
}

static const struct framed *find(const char *name, size_t blksize) {
    struct framed *file = framed;
    for (; file < framed + MAX_FRAMED && file->packets; file++)
        if (file->frame == blksize + HEADER && !strcmp(file->name, name))
            return file;
    char path[1024];
    struct stat stat;
    snprintf(path, sizeof path, "%s/%s", root, name);
    int fd = file < framed + MAX_FRAMED ? open(path, O_RDONLY) : -1;
    if (fd < 0)
        return NULL;
    snprintf(file->name, sizeof file->name, "%s", name);
    bool is_whole = !fstat(fd, &stat) && frame_file(file, fd, stat.st_size, blksize);
    close(fd);
    return is_whole ? file : NULL;
}

static void send_cut(int fd, uint8_t *at, size_t len, uint16_t frame) {
    char control[CMSG_SPACE(sizeof frame)] = {0};
    struct iovec bytes = {at, len};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *cut = CMSG_FIRSTHDR(&message);
    cut->cmsg_level = IPPROTO_UDP;
    cut->cmsg_type = UDP_SEGMENT;
    cut->cmsg_len = CMSG_LEN(sizeof frame);
    memcpy(CMSG_DATA(cut), &frame, sizeof frame);
    sendmsg(fd, &message, 0);
}

static void send_window(int fd, const struct transfer *t) {
    const struct framed *file = t->file;
    size_t from = t->acked * file->frame, left = t->window * file->frame;
    if (left > file->len - from)
        left = file->len - from;
    size_t most = MAX_DATAGRAM / file->frame;
    most = (most > MAX_SEGMENTS ? MAX_SEGMENTS : most) * file->frame;
    if (t->window == 1) {
        send(fd, file->packets + from, left, 0);
        return;
    }
    for (size_t part; left; from += part, left -= part) {
        part = left > most ? most : left;
        send_cut(fd, file->packets + from, part, file->frame);
    }
}

static int connected_to(const struct sockaddr_in *client) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = SEND_BUFFER;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    bind(fd, (struct sockaddr *)&own, sizeof own);
    connect(fd, (const struct sockaddr *)client, sizeof *client);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

static int add_option(char *to, const char *name, int value) {
    return sprintf(to, "%s%c%d", name, 0, value) + 1;
}

static void on_request(char *at, char *end, const struct sockaddr_in *client) {
    const char *name = at + 2;
    int blksize = 0, window = 0;
    at += 2 + strlen(name) + 1;
    for (at += strlen(at) + 1; at < end;) { /* behind the mode */
        char *value = at + strlen(at) + 1;
        if (value >= end)
            break;
        if (!strcasecmp(at, "blksize"))
            blksize = atoi(value);
        if (!strcasecmp(at, "windowsize"))
            window = atoi(value);
        at = value + strlen(value) + 1;
    }
    const struct framed *file = find(name, blksize ? blksize : 512);
    if (!file)
        return;
    int fd = connected_to(client);
    if (fd < 0 || fd >= MAX_FDS)
        return;
    transfers[fd] = (struct transfer){file, 0, window ? window : 1};
    char oack[80] = {0, OACK};
    int len = 2;
    if (blksize)
        len += add_option(oack + len, "blksize", blksize);
    if (window)
        len += add_option(oack + len, "windowsize", window);
    if (len > 2)
        send(fd, oack, len, 0);
    else
        send_window(fd, &transfers[fd]);
}

static void on_listener(int fd) {
    static char datagram[2048];
    struct sockaddr_in client;
    socklen_t client_len = sizeof client;
    int len;
    while ((len = recvfrom(fd, datagram, sizeof datagram - 2, 0, (struct sockaddr *)&client, &client_len)) > HEADER) {
        datagram[len] = datagram[len + 1] = 0;
        on_request(datagram, datagram + len, &client);
    }
}

static void on_ack(int fd) {
    uint8_t datagram[600];
    struct transfer *t = &transfers[fd];
    if (recv(fd, datagram, sizeof datagram, 0) < HEADER || datagram[1] != ACK)
        return;
    uint16_t block = datagram[2] << 8 | datagram[3];
    uint64_t acked = t->acked + (uint16_t)(block - t->acked);
    if (acked > t->acked + t->window)
        return;
    t->acked = acked;
    if (acked == t->file->blocks)
        close(fd);
    else
        send_window(fd, t);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: tftp_limit PORT ROOT\n");
        return 2;
    }
    root = argv[2];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) {
        perror("tftp_limit: bind");
        return 1;
    }
    epoll_fd = epoll_create1(0);
    struct epoll_event events[EVENTS] = {{.events = EPOLLIN, .data.fd = listener}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, events);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                on_listener(listener);
            else
                on_ack(events[i].data.fd);
        }
    }
}
