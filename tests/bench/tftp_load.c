/* tftp_load: many TFTP reads at once in one thread, so that the client is not the slow part of a measurement.
 *
 *   cc -O2 -o tftp_load tftp_load.c
 *   tftp_load [options] HOST PORT FILE        prints one line of JSON; exit code 0: every read was whole and right
 *
 *   -b BYTES    ask for blksize (512: not asked)         -w BLOCKS  ask for windowsize (1: not asked)
 *   -c CLIENTS  reads at once                            -n READS   reads in all
 *   -x CRC32    what the content must have, in hex       -t SECONDS give up then; what runs is "unfinished"
 *   -d MS       send each ACK so much later: the round trip of a client far away; not the last ACK
 *   -l SHARE    lose this share (0 to 1) of the DATA that comes and of the ACKs that go
 *   -s          read n comes from a loopback address of its own, from 127.1.0.1 on
 *   -g          gather: no client goes on until all are answered, so that all reads are under way at once
 *   -k BLOCKS   break off with an ERROR after so many blocks; counts as a whole read
 *
 * RFC 1350, 2347, 2348, 2349, 7440. Block numbers go from 65535 to 0. A read that hears nothing for a second repeats
 * its last datagram, thirty times in a row at most.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };
enum { HEADER = 4, PATIENCE_S = 1, MAX_REPEATS = 30, RECEIVE_BUFFER = 4 << 20, EVENTS = 512, BATCH = 256 };
#define SCAN_S 0.2

struct transfer {
    int fd; /* -1: none in this slot */
    bool is_answered, is_held, asked_again;
    int blksize, windowsize; /* as granted */
    int left;                /* blocks until the next ACK */
    uint64_t next;           /* the block expected, not wrapped */
    uint64_t bytes;
    uint32_t crc;
    uint32_t turn; /* counts the slot's transfers */
    double started, touched;
    int repeats;
    int sent_len; /* of the last datagram, to repeat it */
    uint8_t sent[560];
};

struct late_ack { /* one ACK on its long way */
    double due;
    uint32_t slot, turn;
    uint16_t block;
};

static struct {
    int blksize, windowsize, clients, reads;
    double delay_s, loss, limit_s;
    bool own_address, gather, check;
    uint32_t crc;
    uint64_t break_off;
    const char *file;
    struct sockaddr_storage server;
    socklen_t server_len;
} want = {.blksize = 512, .windowsize = 1, .clients = 1, .reads = 1, .limit_s = 60};

static struct {
    int started, done, whole, failed, corrupt, answered, at_once;
    uint64_t bytes, repeats, out_of_order, lost;
    char error[160];
} tally;

static struct transfer *transfers;
static double *durations;
static struct late_ack *line; /* ACKs delayed, the next due first: the delay is the same for all */
static uint32_t line_size, line_head, line_tail;
static int epoll_fd;
static bool is_holding;
static uint8_t buffer[65536];

static void start(struct transfer *t);

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

/* CRC-32 (IEEE 802.3), eight bytes a step: table[k][b] is the CRC of byte b followed by k zeros. */
static uint32_t table[8][256];

static void make_crc_table(void) {
    for (int byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
        table[0][byte] = crc;
    }
    for (int zeros = 1; zeros < 8; zeros++)
        for (int byte = 0; byte < 256; byte++)
            table[zeros][byte] = table[zeros - 1][byte] >> 8 ^ table[0][table[zeros - 1][byte] & 0xFF];
}

static uint32_t add_crc(uint32_t crc, const uint8_t *at, size_t len) {
    for (; len >= 8; at += 8, len -= 8) {
        uint32_t low = crc ^ (at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24);
        crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^ table[4][low >> 24]
            ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
    }
    for (; len; at++, len--)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xFF];
    return crc;
}

static bool is_lost(void) {
    if (want.loss == 0 || drand48() >= want.loss)
        return false;
    tally.lost++;
    return true;
}

static void put(struct transfer *t) {
    t->touched = now();
    if (t->is_answered)
        send(t->fd, t->sent, t->sent_len, 0);
    else
        sendto(t->fd, t->sent, t->sent_len, 0, (struct sockaddr *)&want.server, want.server_len);
}

static void put_ack(struct transfer *t, uint16_t block) {
    t->sent[0] = 0, t->sent[1] = ACK, t->sent[2] = block >> 8, t->sent[3] = block & 0xFF;
    t->sent_len = HEADER;
    if (!is_lost())
        put(t);
}

/* ACK all that came in order: now, or by the long way. */
static void acknowledge(struct transfer *t) {
    t->left = t->windowsize;
    t->touched = now();
    if (is_holding) {
        t->is_held = true;
    } else if (want.delay_s == 0) {
        put_ack(t, t->next - 1);
    } else if (line_tail - line_head < line_size) { /* a full line loses it, as a router does */
        line[line_tail++ % line_size] =
            (struct late_ack){t->touched + want.delay_s, t - transfers, t->turn, (uint16_t)(t->next - 1)};
    }
}

static void finish(struct transfer *t, bool is_whole) {
    if (is_whole && want.check && !want.break_off && ~t->crc != want.crc) {
        is_whole = false;
        tally.corrupt++;
    }
    durations[tally.done++] = now() - t->started;
    if (is_whole)
        tally.whole++, tally.bytes += t->bytes;
    else
        tally.failed++;
    tally.answered -= t->is_answered;
    close(t->fd);
    t->fd = -1;
    if (tally.started < want.reads)
        start(t);
}

static void add_text(struct transfer *t, const char *text) {
    int room = sizeof t->sent - t->sent_len;
    t->sent_len += snprintf((char *)t->sent + t->sent_len, room, "%s", text) + 1;
}

static void add_option(struct transfer *t, const char *name, int value) {
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    add_text(t, name);
    add_text(t, text);
}

static void request(struct transfer *t) {
    t->sent[0] = 0, t->sent[1] = RRQ;
    t->sent_len = 2;
    add_text(t, want.file);
    add_text(t, "octet");
    if (want.blksize != 512)
        add_option(t, "blksize", want.blksize);
    add_option(t, "tsize", 0);
    if (want.windowsize > 1)
        add_option(t, "windowsize", want.windowsize);
    put(t);
}

static void start(struct transfer *t) {
    *t = (struct transfer){.blksize = 512, .windowsize = 1, .left = 1, .next = 1, .crc = ~0u, .turn = t->turn + 1};
    t->fd = socket(want.server.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (t->fd < 0) {
        perror("tftp_load: socket");
        exit(2);
    }
    int size = RECEIVE_BUFFER;
    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (want.own_address) {
        uint32_t n = tally.started;
        struct sockaddr_in own = {.sin_family = AF_INET};
        own.sin_addr.s_addr = htonl(0x7F010000 + (n / 254 << 8) + n % 254 + 1);
        if (bind(t->fd, (struct sockaddr *)&own, sizeof own))
            perror("tftp_load: bind");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = t - transfers};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, t->fd, &event);
    tally.started++;
    t->started = now();
    request(t);
}

static void on_oack(struct transfer *t, char *at, char *end) {
    if (t->next != 1)
        return; /* a late copy */
    while (at < end) {
        char *value = at + strlen(at) + 1; /* the buffer ends with a zero of ours */
        if (value >= end)
            break;
        if (!strcasecmp(at, "blksize"))
            t->blksize = atoi(value);
        if (!strcasecmp(at, "windowsize"))
            t->windowsize = atoi(value);
        at = value + strlen(value) + 1;
    }
    acknowledge(t);
}

static void on_error(struct transfer *t, const char *message) {
    if (!tally.error[0])
        for (size_t i = 0; message[i] && i + 1 < sizeof tally.error; i++)
            tally.error[i] = message[i] < ' ' || message[i] == '"' || message[i] == '\\' ? '?' : message[i];
    finish(t, false);
}

static void break_off(struct transfer *t) {
    static const uint8_t stop[] = {0, ERROR, 0, 0, 's', 't', 'o', 'p', 0};
    send(t->fd, stop, sizeof stop, 0);
    finish(t, true);
}

static void on_data(struct transfer *t, uint16_t block, const uint8_t *payload, int len) {
    if (is_lost())
        return;
    uint16_t ahead = block - (uint16_t)t->next;
    if (ahead == 0) {
        t->next++;
        t->asked_again = false, t->repeats = 0;
        t->bytes += len;
        if (want.check)
            t->crc = add_crc(t->crc, payload, len);
        if (len < t->blksize) {
            put_ack(t, block);
            finish(t, true);
        } else if (t->next - 1 == want.break_off) {
            break_off(t);
        } else if (--t->left == 0) {
            acknowledge(t);
        }
        return;
    }
    tally.out_of_order++;
    if (ahead == 0xFFFF && !want.delay_s) {
        acknowledge(t); /* the server repeats: the ACK was lost */
    } else if (ahead < 0x8000 && !t->asked_again) {
        t->asked_again = true; /* RFC 7440 section 4: the first gap is told by an ACK of what came before it */
        acknowledge(t);
    }
}

/* The first answer says the port that the server serves this transfer from. */
static int receive(struct transfer *t) {
    if (t->is_answered)
        return recv(t->fd, buffer, sizeof buffer - 1, 0);
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    int len = recvfrom(t->fd, buffer, sizeof buffer - 1, 0, (struct sockaddr *)&from, &from_len);
    if (len >= HEADER) {
        connect(t->fd, (struct sockaddr *)&from, from_len);
        t->is_answered = true;
        if (++tally.answered > tally.at_once)
            tally.at_once = tally.answered;
    }
    return len;
}

static void on_readable(struct transfer *t) {
    uint32_t turn = t->turn;
    for (int i = 0; i < BATCH && t->fd >= 0 && t->turn == turn; i++) {
        int len = receive(t);
        if (len < HEADER)
            return;
        buffer[len] = 0;
        t->touched = now();
        if (buffer[1] == DATA)
            on_data(t, buffer[2] << 8 | buffer[3], buffer + HEADER, len - HEADER);
        else if (buffer[1] == OACK)
            on_oack(t, (char *)buffer + 2, (char *)buffer + len);
        else if (buffer[1] == ERROR)
            on_error(t, (char *)buffer + HEADER);
    }
}

static void send_late_acks(double at) {
    for (; line_head != line_tail && line[line_head % line_size].due <= at; line_head++) {
        struct late_ack *late = &line[line_head % line_size];
        struct transfer *t = &transfers[late->slot];
        if (t->fd >= 0 && t->turn == late->turn)
            put_ack(t, late->block);
    }
}

static void let_go(void) {
    is_holding = false;
    for (int i = 0; i < want.clients; i++)
        if (transfers[i].fd >= 0 && transfers[i].is_held)
            acknowledge(&transfers[i]);
}

static void repeat_the_silent(double at) {
    for (struct transfer *t = transfers; t < transfers + want.clients; t++) {
        if (t->fd < 0 || at - t->touched < PATIENCE_S + want.delay_s || (is_holding && t->is_held))
            continue;
        if (t->repeats++ == MAX_REPEATS) {
            finish(t, false);
        } else {
            tally.repeats++;
            put(t);
        }
    }
}

/* Sleep to the nanosecond when an ACK is on its way: epoll_wait alone would round each round trip up. */
static int wait_for_events(struct epoll_event *events) {
    double pause = line_head == line_tail ? SCAN_S : line[line_head % line_size].due - now();
    pause = pause < 0 ? 0 : pause > SCAN_S ? SCAN_S : pause;
    if (want.delay_s == 0)
        return epoll_wait(epoll_fd, events, EVENTS, (int)(pause * 1000));
    struct pollfd ready = {.fd = epoll_fd, .events = POLLIN};
    struct timespec timeout = {.tv_nsec = (long)(pause * 1e9)};
    ppoll(&ready, 1, &timeout, NULL);
    return epoll_wait(epoll_fd, events, EVENTS, 0);
}

static void run(double begun) {
    struct epoll_event events[EVENTS];
    double scanned = begun;
    while (tally.done < want.reads) {
        int count = wait_for_events(events);
        for (int i = 0; i < count; i++)
            if (transfers[events[i].data.u32].fd >= 0)
                on_readable(&transfers[events[i].data.u32]);
        double at = now();
        if (is_holding && tally.answered == want.clients)
            let_go();
        send_late_acks(at);
        if (at - scanned >= SCAN_S) {
            scanned = at;
            repeat_the_silent(at);
            if (at - begun >= want.limit_s)
                return;
        }
    }
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void report(double seconds) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(durations, tally.done, sizeof *durations, by_size);
    printf("{\"whole\":%d,\"failed\":%d,\"corrupt\":%d,\"unfinished\":%d,\"at_once\":%d,\"bytes\":%llu,",
           tally.whole, tally.failed, tally.corrupt, want.reads - tally.done, tally.at_once,
           (unsigned long long)tally.bytes);
    printf("\"seconds\":%.4f,\"mb_per_s\":%.2f,\"reads_per_s\":%.2f,\"p50_s\":%.5f,\"p99_s\":%.5f,", seconds,
           tally.bytes / seconds / 1e6, tally.whole / seconds, tally.done ? durations[tally.done / 2] : 0,
           tally.done ? durations[tally.done * 99 / 100] : 0);
    printf("\"repeats\":%llu,\"out_of_order\":%llu,\"lost\":%llu,\"cpu_s\":%.2f,\"blksize\":%d,\"windowsize\":%d,"
           "\"error\":\"%s\"}\n",
           (unsigned long long)tally.repeats, (unsigned long long)tally.out_of_order, (unsigned long long)tally.lost,
           cpu, transfers[0].blksize, transfers[0].windowsize, tally.error);
}

static bool parse(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "b:w:c:n:x:t:d:l:k:sg")) > 0;)
        switch (option) {
        case 'b': want.blksize = atoi(optarg); break;
        case 'w': want.windowsize = atoi(optarg); break;
        case 'c': want.clients = atoi(optarg); break;
        case 'n': want.reads = atoi(optarg); break;
        case 'x': want.crc = strtoul(optarg, NULL, 16), want.check = true; break;
        case 't': want.limit_s = atof(optarg); break;
        case 'd': want.delay_s = atof(optarg) / 1000; break;
        case 'l': want.loss = atof(optarg); break;
        case 'k': want.break_off = strtoull(optarg, NULL, 10); break;
        case 's': want.own_address = true; break;
        case 'g': want.gather = true; break;
        default: return false;
        }
    if (argc - optind != 3 || want.clients < 1 || want.reads < want.clients || strlen(argv[optind + 2]) > 400)
        return false;
    struct addrinfo *found, hints = {.ai_socktype = SOCK_DGRAM};
    if (getaddrinfo(argv[optind], argv[optind + 1], &hints, &found))
        return false;
    memcpy(&want.server, found->ai_addr, want.server_len = found->ai_addrlen);
    freeaddrinfo(found);
    want.file = argv[optind + 2];
    return true;
}

int main(int argc, char **argv) {
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: tftp_load [-b -w -c -n -x -t -d -l -s -g -k] HOST PORT FILE; its source says more\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_crc_table();
    epoll_fd = epoll_create1(0);
    transfers = calloc(want.clients, sizeof *transfers);
    durations = calloc(want.reads, sizeof *durations);
    for (line_size = 1024; line_size < 4u * want.clients;)
        line_size *= 2; /* a power of two, so that its counters may wrap */
    line = calloc(line_size, sizeof *line);
    is_holding = want.gather;
    double begun = now();
    for (int i = 0; i < want.clients; i++)
        start(&transfers[i]);
    run(begun);
    report(now() - begun);
    return tally.whole == want.reads ? 0 : 1;
}
