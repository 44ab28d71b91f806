/* channel.fanout: one signal to a thousand clients of the browser channel, from the call that publishes it to the read that brings
 * it to the last of them; cpu_ms: what that costs the server's process. channel.fanout.memory: what the server's process has resident then.
 *
 *     this process: channel ──► N clients in a process of its own, which says when the last one has it
 *
 *     bench-channel listen PORT TOKEN CLIENTS FRAMES    that process: FRAMES come to each client first, then it says "ready", and
 *                                                       for each further frame that has come to all, when (monotonic, ns)
 *
 * Its peer bench/channel.mjs, npm's ws, sends the same text to the same process. */
#include "base/clock.h"
#include "base/log.h"
#include "bench/lib/figure.h"
#include "serve/auth.h"
#include "serve/serve.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_CLIENTS = 1000, N_WARM = 20, N_ROUNDS = 300, READ_BYTES = 1 << 16, EVENTS = 256, GREETING_FRAMES = 2 };

static void die(const char *what) {
    fprintf(stderr, "channel: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* A thousand sockets. */
static void raise_limit(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0) die("the limit of descriptors");
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0) die("the limit of descriptors");
}

/* Server and clients each have a processor: else the system takes the one off it for the other with each message. */
static void keep_to(bool is_last) {
    cpu_set_t all, mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof all, &all) != 0) die("the processors");
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all) && (is_last || CPU_COUNT(&mine) == 0)) {
            CPU_ZERO(&mine);
            CPU_SET(i, &mine);
        }
    if (sched_setaffinity(0, sizeof mine, &mine) != 0) die("a processor");
}

/* ---- the clients ---- */

/* A frame's head may come in two parts; of its text only the length matters. */
typedef struct listener_socket {
    int fd;
    unsigned char head[4];
    uint32_t n_head, n_text; /* bytes of the head that are there; bytes of the text that are still to come */
    uint32_t n_frames;
} listener_socket;

/* Counts the frames that end in these bytes. */
static void take(listener_socket *s, const unsigned char *at, size_t bytes) {
    while (bytes > 0) {
        if (s->n_text > 0) {
            size_t n = bytes < s->n_text ? bytes : s->n_text;
            s->n_text -= (uint32_t)n;
            at += n;
            bytes -= n;
            if (s->n_text == 0) s->n_frames++, s->n_head = 0;
            continue;
        }
        s->head[s->n_head++] = *at++;
        bytes--;
        if (s->n_head == 1 && s->head[0] != 0x81) die("a frame that is no whole text");
        if (s->n_head == 2 && s->head[1] == 127) die("a frame of more than 64 KiB");
        if (s->n_head == 2 && s->head[1] < 126) s->n_text = s->head[1];
        if (s->n_head == 4) s->n_text = (uint32_t)s->head[2] << 8 | s->head[3];
    }
}

static void join(listener_socket *s, int port, const char *token) {
    static unsigned char in[READ_BYTES + 1];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[1024];
    size_t n = 0;
    int bytes = snprintf(text, sizeof text,
                         "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Authorization: Bearer %s\r\n\r\n",
                         token);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0) die("a client cannot connect");
    if (write(s->fd, text, (size_t)bytes) != bytes) die("a client cannot ask");
    for (const char *end = NULL; !end;) {
        ssize_t got = read(s->fd, in + n, READ_BYTES - n);
        if (got <= 0) die("a client is refused");
        n += (size_t)got;
        in[n] = 0;
        end = strstr((char *)in, "\r\n\r\n");
        if (end && strncmp((char *)in, "HTTP/1.1 101", 12) != 0) die("a client is refused");
        if (end) take(s, (const unsigned char *)end + 4, n - (size_t)(end + 4 - (char *)in));
    }
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
}

static int listen_to(int port, const char *token, int n_clients, uint32_t n_greeting) {
    static unsigned char in[READ_BYTES];
    listener_socket *all = calloc((size_t)n_clients, sizeof *all);
    struct epoll_event events[EVENTS];
    int set = epoll_create1(EPOLL_CLOEXEC), n_done = 0;
    uint32_t round = n_greeting;
    raise_limit();
    keep_to(true);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < n_clients; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        join(&all[i], port, token);
        if (epoll_ctl(set, EPOLL_CTL_ADD, all[i].fd, &e) != 0) die("epoll");
        n_done += all[i].n_frames >= round;
    }
    for (bool is_ready = false;;) {
        if (n_done == n_clients) {
            printf(is_ready ? "%lld\n" : "ready\n", (long long)monotonic_ns());
            fflush(stdout);
            is_ready = true;
            round++;
            n_done = 0;
        }
        int n = epoll_wait(set, events, EVENTS, 0); /* spins: to wake a process costs the sender as much as to send */
        for (int i = 0; i < n; i++) {
            listener_socket *s = events[i].data.ptr;
            bool was_done = s->n_frames >= round;
            ssize_t got = read(s->fd, in, sizeof in);
            if (got == 0) return 0; /* the server has gone */
            if (got > 0) take(s, in, (size_t)got);
            n_done += !was_done && s->n_frames >= round;
        }
    }
}

/* ---- the server ---- */

static uv_loop_t loop;
static serve *server;

static void tell_status(void *context, serve_status *out) {
    (void)context;
    *out = (serve_status){.status = "running", .cpus = 1};
}

static size_t tell_health(void *context, health_component *out) {
    (void)context;
    (void)out;
    return 0;
}

static bool tell_ready(void *context, diag *why) {
    (void)context;
    (void)why;
    return true;
}

static pid_t start_clients(int port, const char *token, int *told) {
    int ends[2];
    char port_text[16], clients[16], frames[16];
    snprintf(port_text, sizeof port_text, "%d", port);
    snprintf(clients, sizeof clients, "%d", N_CLIENTS);
    snprintf(frames, sizeof frames, "%d", GREETING_FRAMES);
    if (pipe2(ends, O_CLOEXEC) != 0) die("a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", "bench-channel", "listen", port_text, token, clients, frames, (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *told = ends[0];
    return pid;
}

/* The next line of the clients; the server goes on meanwhile. */
static void hear(int told, char *line, size_t line_bytes) {
    size_t n = 0;
    for (;;) {
        char c;
        ssize_t got = read(told, &c, 1);
        if (got == 0) die("the clients have gone");
        if (got < 0) {
            struct pollfd fds[2] = {{uv_backend_fd(&loop), POLLIN, 0}, {told, POLLIN, 0}};
            uv_run(&loop, UV_RUN_NOWAIT); /* first: what is to be watched is only now told to the system */
            poll(fds, 2, uv_backend_timeout(&loop));
            continue;
        }
        if (c == '\n') break;
        if (n < line_bytes - 1) line[n++] = c;
    }
    line[n] = 0;
}

static int64_t publish(void) {
    int64_t now_ns = monotonic_ns();
    char conditions[] = "[\"RSI crosses above the level\",\"hourly close above its EMA 50\"]";
    signal_row s = {.id = "0f7a1b64-6f0e-5b7a-9c55-7a1c1f0e9b42",
                    .trader_id = "1d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42",
                    .trader = "rsi_oversold_bounce",
                    .symbol = "BTCUSDT",
                    .interval = INTERVAL_5M,
                    .open_ms = 1767571200000,
                    .price = 96123.45,
                    .side = SIDE_LONG,
                    .conditions = conditions};
    serve_publish_signal(server, &s);
    return now_ns;
}

/* User and system time of this process, without its clients. */
static double cpu_ms(void) {
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0) die("the time of the process");
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static double resident_mb(void) {
    size_t bytes = 0;
    return uv_resident_set_memory(&bytes) == 0 ? (double)bytes / (1 << 20) : 0;
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "listen") == 0)
        return listen_to(atoi(argv[2]), argv[3], atoi(argv[4]), (uint32_t)atoi(argv[5]));
    static const char token[] = "tm_bench_channel_token";
    static double samples[N_ROUNDS];
    double resident[1], used_ms = 0;
    char line[64], more[64];
    int told;
    diag why;
    serve_config config = {.host = "127.0.0.1", .token = token, .max_clients = N_CLIENTS};
    serve_providers providers = {.status = tell_status, .health = tell_health, .ready = tell_ready};
    raise_limit();
    log_init(LOG_WARN, LOG_HUMAN);
    uv_loop_init(&loop);
    if (serve_start(&loop, &config, &providers, &server, &why) != OK) die(why.text);
    pid_t clients = start_clients(serve_port(server), token, &told);
    hear(told, line, sizeof line);
    if (strcmp(line, "ready") != 0) die("the clients are not ready");
    keep_to(false);
    for (int i = -N_WARM; i < N_ROUNDS; i++) {
        if (i == 0) used_ms = cpu_ms();
        int64_t began_ns = publish();
        hear(told, line, sizeof line);
        if (i >= 0) samples[i] = (double)(strtoll(line, NULL, 10) - began_ns) / 1e6;
    }
    snprintf(more, sizeof more, "\"cpu_ms\":%.3f", (cpu_ms() - used_ms) / N_ROUNDS);
    resident[0] = resident_mb();
    kill(clients, SIGKILL);
    waitpid(clients, NULL, 0);
    figure_print_more("channel.fanout", "one signal to the last of 1000 clients", "ms", samples, N_ROUNDS, more);
    figure_print("channel.fanout.memory", "resident memory of the server's process with 1000 clients", "MB", resident,
                 1);
    return 0;
}
