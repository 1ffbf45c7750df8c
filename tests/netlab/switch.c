/* An Ethernet switch in user space, one TAP interface a port, with the troubles of a real network: delay, jitter, loss, a rate
 * limit, cut ports. It stands in for the kernel's netem, which many kernels are built without.
 *
 *   switch PORTS SETTINGS     makes interfaces port1 … portN, prints "ready", and runs until SIGTERM
 *
 * SETTINGS is a file of "key value" lines, read at the start and again on SIGHUP; what it does not name is 0:
 *   delay_us, jitter_us   time a frame is under way: delay ± jitter, uniform; frames to a port stay in order
 *   loss_ppm              frames dropped, in a million
 *   rate_mbps             speed of each port's outgoing line, 0 = unlimited
 *   cut                   bit mask of ports that neither send nor receive (1 = port 1, 2 = port 2, 4 = port 3 …)
 *
 * The hosts' Ethernet addresses are 02:00:00:00:00:NN with NN = port, so that there is nothing to learn. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PORTS = 32, FRAME_BYTES = 9216, QUEUE_FRAMES = 4096, FRAMES_PER_TURN = 64, MAX_WAIT_NANOSECONDS = 20 * 1000 * 1000, SPIN_NANOSECONDS = 100 * 1000 };

struct frame {
    int64_t due; /* when it arrives, nanoseconds */
    int bytes;
    unsigned char data[FRAME_BYTES];
};

/* A port and the frames under way to it. */
struct port {
    int tap;
    struct frame *queue;
    unsigned head, tail;
    int64_t line_free; /* when the last frame has left the line */
    int64_t last_due;
};

static struct settings {
    long delay_us, jitter_us, loss_ppm, rate_mbps, cut;
} settings;

static struct port ports[MAX_PORTS];
static int port_count;
static volatile sig_atomic_t settings_changed = 1, stopped;

static void on_hangup(int signal_number) { (void)signal_number; settings_changed = 1; }
static void on_termination(int signal_number) { (void)signal_number; stopped = 1; }

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void read_settings(const char *path)
{
    settings_changed = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail(path);
    struct settings fresh = {0};
    char key[32];
    long value;
    while (fscanf(file, "%31s %ld", key, &value) == 2) {
        if (strcmp(key, "delay_us") == 0) fresh.delay_us = value;
        else if (strcmp(key, "jitter_us") == 0) fresh.jitter_us = value;
        else if (strcmp(key, "loss_ppm") == 0) fresh.loss_ppm = value;
        else if (strcmp(key, "rate_mbps") == 0) fresh.rate_mbps = value;
        else if (strcmp(key, "cut") == 0) fresh.cut = value;
        else fprintf(stderr, "%s: unknown key %s\n", path, key), exit(1);
    }
    fclose(file);
    settings = fresh;
}

static void open_port(int index)
{
    struct port *port = &ports[index];
    port->tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (port->tap < 0)
        fail("/dev/net/tun");
    struct ifreq request = {0};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    snprintf(request.ifr_name, sizeof request.ifr_name, "port%d", index + 1);
    if (ioctl(port->tap, TUNSETIFF, &request) != 0)
        fail(request.ifr_name);
    port->queue = malloc(QUEUE_FRAMES * sizeof *port->queue);
    if (port->queue == NULL)
        fail("queue");
}

static int is_cut(int index) { return settings.cut >> index & 1; }

static void enqueue(struct port *to, const unsigned char *data, int bytes)
{
    if (to->head - to->tail == QUEUE_FRAMES)
        return; /* a full queue drops, as any switch does */
    int64_t start = now();
    if (settings.rate_mbps > 0) {
        if (to->line_free > start)
            start = to->line_free;
        start += bytes * 8000LL / settings.rate_mbps;
        to->line_free = start;
    }
    int64_t due = start + settings.delay_us * 1000;
    if (settings.jitter_us > 0)
        due += (random() % (2 * settings.jitter_us + 1) - settings.jitter_us) * 1000;
    if (due < to->last_due)
        due = to->last_due;
    to->last_due = due;
    struct frame *frame = &to->queue[to->head++ % QUEUE_FRAMES];
    frame->due = due;
    frame->bytes = bytes;
    memcpy(frame->data, data, (size_t)bytes);
}

/* Broadcasts (ARP) go to everyone, the rest to the port in the address's last byte. */
static void forward(int from, const unsigned char *data, int bytes)
{
    if (is_cut(from) || (settings.loss_ppm > 0 && random() % 1000000 < settings.loss_ppm))
        return;
    int is_broadcast = data[0] & 1, destination = data[5] - 1;
    for (int index = 0; index < port_count; index++) {
        if (index != from && !is_cut(index) && (is_broadcast || index == destination))
            enqueue(&ports[index], data, bytes);
    }
}

static void receive(int from)
{
    unsigned char data[FRAME_BYTES];
    for (int turn = 0; turn < FRAMES_PER_TURN; turn++) {
        ssize_t bytes = read(ports[from].tap, data, sizeof data);
        if (bytes < 14)
            return;
        forward(from, data, (int)bytes);
    }
}

/* Hands over every frame that is due; returns when the next one will be. */
static int64_t deliver(void)
{
    int64_t next = INT64_MAX;
    for (int index = 0; index < port_count; index++) {
        struct port *port = &ports[index];
        while (port->tail != port->head) {
            const struct frame *frame = &port->queue[port->tail % QUEUE_FRAMES];
            if (frame->due > now()) {
                next = frame->due < next ? frame->due : next;
                break;
            }
            if (!is_cut(index) && write(port->tap, frame->data, (size_t)frame->bytes) < 0) {
                /* The interface is down: the frame is lost, as on a real line. */
            }
            port->tail++;
        }
    }
    return next;
}

/* Never longer than MAX_WAIT_NANOSECONDS: a signal may come just before the wait. The last SPIN_NANOSECONDS are not slept: on a machine
 * whose cores the hosts keep busy, waking up takes longer than a frame on a fast line. */
static struct timespec until(int64_t moment)
{
    int64_t wait = moment - now() - SPIN_NANOSECONDS;
    return (struct timespec){0, wait < 0 ? 0 : wait > MAX_WAIT_NANOSECONDS ? MAX_WAIT_NANOSECONDS : wait};
}

int main(int argument_count, char **arguments)
{
    port_count = argument_count == 3 ? atoi(arguments[1]) : 0;
    if (port_count < 1 || port_count > MAX_PORTS) {
        fprintf(stderr, "usage: switch PORTS SETTINGS (1 to %d ports)\n", MAX_PORTS);
        return 2;
    }
    signal(SIGHUP, on_hangup);
    signal(SIGTERM, on_termination);
    prctl(PR_SET_TIMERSLACK, 1UL); /* delays of 100 µs need timers that keep them */
    struct pollfd events[MAX_PORTS];
    for (int index = 0; index < port_count; index++) {
        open_port(index);
        events[index] = (struct pollfd){.fd = ports[index].tap, .events = POLLIN};
    }
    printf("ready\n");
    fflush(stdout);
    while (!stopped) {
        if (settings_changed)
            read_settings(arguments[2]);
        struct timespec wait = until(deliver());
        if (ppoll(events, (nfds_t)port_count, &wait, NULL) <= 0)
            continue;
        for (int index = 0; index < port_count; index++) {
            if (events[index].revents & POLLIN)
                receive(index);
        }
    }
    return 0;
}
