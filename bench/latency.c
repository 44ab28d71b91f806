/* latency.close_to_signal: from the instant at which the exchange writes the closing frames of a minute to the instant at
 * which a signal of that minute is on the socket of a client of the browser channel: parsing, evaluation, the commit
 * (OUTBOX_SYNC=normal) and publishing in between. All frames of a minute come at once, which is the worst case.
 *
 *     this process: exchange ──► the daemon ──► a client, a process of its own
 *          notes when it wrote                      notes when each read returned
 *
 * latency.provider_down: the same while the model that is asked about every signal cannot be reached, and as many analyses
 * wait as may (AI_QUEUE_MAX, 500): what analysis adds to a signal's way.
 *
 * A sample is one signal. Every burst is checked: all evaluations made, no error, each signal received, all of its minute. */
#include "base/clock.h"
#include "base/log.h"
#include "bench/lib/exchange.h"
#include "bench/lib/figure.h"
#include "screener/tracked.h"
#include "script/trader_folder.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_BARS = 500,
    N_TRADERS = 20,
    N_WARM = 20,
    N_WARM_MAX = 100,
    N_BURSTS = 60,
    SIGNALS_MAX = 200000,
    N_ANALYSES = 500, /* wait at most: AI_QUEUE_MAX */
    QUIET_MS = 100,
    DEADLINE_MS = 30000,
    READ_BYTES = 1 << 16
};

/* What the client has seen; memory of both processes. */
typedef struct seen {
    _Atomic int32_t count;
    struct {
        int64_t arrived_ns, open_ms;
    } signals[SIGNALS_MAX];
} seen;

typedef struct party { /* the daemon and its client */
    pid_t pid, client;
    int log, told, port; /* log: its stderr; told: a byte for each signal that the client has seen */
    char folder[64], token[128];
    int32_t n_symbols;
    bool is_narrow, asks_a_model; /* see copy_traders; a model that does not answer is asked about all signals */
    seen *seen;
} party;

static void die(const char *what) {
    fprintf(stderr, "latency: %s\n", what);
    exit(1);
}

/* ---- traders ---- */

static void replace(char *text, const char *from, const char *to) {
    size_t from_bytes = strlen(from), to_bytes = strlen(to);
    for (char *at = strstr(text, from); at; at = strstr(at + to_bytes, from)) {
        memmove(at + to_bytes, at + from_bytes, strlen(at + from_bytes) + 1); /* never longer */
        memcpy(at, to, to_bytes);
    }
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) == EOF || fclose(f) != 0) die("a trader cannot be written");
}

/* The traders of the folder; `is_narrow`: whoever looks at fifteen minutes or an hour looks at five minutes instead. */
static void copy_traders(const char *folder, bool is_narrow) {
    trader_source **sources;
    int32_t count, n_failed;
    diag why;
    if (trader_folder_read("bench/traders", &sources, &count, &n_failed, &why) != OK) die(why.text);
    if (count != N_TRADERS || mkdir(folder, 0700) != 0) die("expected 20 traders in bench/traders");
    for (int32_t i = 0; i < count; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s.lua", folder, sources[i]->key);
        if (is_narrow) {
            replace(sources[i]->code, "\"15m\"", "\"5m\"");
            replace(sources[i]->code, "\"1h\"", "\"5m\"");
            replace(sources[i]->code, "\"5m\", \"5m\"", "\"5m\"");
        }
        write_file(path, sources[i]->code);
        trader_source_free(sources[i]);
    }
    free(sources);
}

/* ---- sockets ---- */

static int connect_to(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("the daemon does not answer");
    return fd;
}

static void send_all(int fd, const char *at, size_t bytes) {
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0) die("the daemon has closed a connection");
        at += n;
        bytes -= (size_t)n;
    }
}

/* ---- the client ---- */

static void take_signal(seen *s, const char *text, int64_t arrived_ns, int told) {
    const char *time = strstr(text, "\"time\":");
    int32_t n = atomic_load(&s->count);
    if (!time || n == SIGNALS_MAX) die("a signal without a time, or too many");
    s->signals[n].arrived_ns = arrived_ns;
    s->signals[n].open_ms = strtoll(time + 7, NULL, 10);
    atomic_store(&s->count, n + 1);
    if (write(told, "", 1) != 1) die("nobody listens to the client");
}

/* What the traders would have said of the bars before the start is told too, after the first look. */
static bool is_live_signal(const char *text) {
    return strstr(text, "\"signal_created\"") && !strstr(text, "\"state\":\"historical\"");
}

/* Whole frames at the start of the buffer; how many bytes they are. */
static size_t take_frames(seen *s, char *buffer, size_t bytes, int64_t arrived_ns, int told) {
    size_t done = 0;
    while (bytes - done >= 10 || (bytes - done >= 4 && (buffer[done + 1] & 127) != 127)) {
        unsigned char *at = (unsigned char *)buffer + done;
        size_t n = at[1] & 127, head = n == 126 ? 4 : n == 127 ? 10 : 2; /* hello may be long */
        char after;
        if ((at[0] & 15) == 8) _exit(0); /* the daemon says goodbye */
        if (n >= 126) n = 0;
        for (size_t i = 2; i < head; i++) n = n << 8 | at[i];
        if (bytes - done < head + n) break;
        after = (char)at[head + n]; /* there is room for one more */
        at[head + n] = 0;
        if (is_live_signal((char *)at + head)) take_signal(s, (char *)at + head, arrived_ns, told);
        at[head + n] = (unsigned char)after;
        done += head + n;
    }
    return done;
}

static void run_client(const party *d, int told) {
    static char buffer[4 * READ_BYTES + 1];
    size_t n = 0;
    bool is_open = false;
    int fd = connect_to(d->port);
    char request[512];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(
        request, sizeof request,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer %s\r\n\r\n",
        d->port, d->token);
    send_all(fd, request, strlen(request));
    for (;;) {
        ssize_t got = read(fd, buffer + n, sizeof buffer - 1 - n);
        int64_t arrived_ns = monotonic_ns();
        size_t used = 0;
        if (got <= 0) _exit(0); /* the daemon has gone */
        n += (size_t)got;
        buffer[n] = 0;
        if (!is_open) {
            char *end = strstr(buffer, "\r\n\r\n");
            if (!end) continue;
            if (!strstr(buffer, " 101 ")) die("the channel has refused");
            is_open = true;
            used = (size_t)(end - buffer) + 4;
            if (write(told, "", 1) != 1) die("nobody listens to the client");
        }
        used += take_frames(d->seen, buffer + used, n - used, arrived_ns, told);
        memmove(buffer, buffer + used, n - used);
        n -= used;
    }
}

static void start_client(party *d) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) die("no pipe");
    d->client = fork();
    if (d->client < 0) die("no process");
    if (d->client == 0) run_client(d, ends[1]);
    close(ends[1]);
    d->told = ends[0];
    fcntl(d->told, F_SETFL, O_NONBLOCK);
}

/* ---- the daemon ---- */

static void set_environment(const party *d, const exchange *e) {
    char text[128];
    clearenv();
    setenv("DATA_DIR", d->folder, 1);
    snprintf(text, sizeof text, "%s/traders", d->folder);
    setenv("TRADERS_DIR", text, 1);
    snprintf(text, sizeof text, "http://127.0.0.1:%d", exchange_port(e));
    setenv("BINANCE_REST_URL", text, 1);
    snprintf(text, sizeof text, "ws://127.0.0.1:%d", exchange_port(e));
    setenv("BINANCE_WS_URL", text, 1);
    setenv("SYMBOLS", exchange_names(e), 1);
    setenv("PORT", "0", 1);
    setenv("OUTBOX_SYNC", "normal", 1);
    setenv("MACHINE_CPUS", "1", 1);
    setenv("CPU_PLACEMENT", "spread", 1);
    setenv("KLINE_HISTORY", "500", 1);
    setenv("MAX_SIGNALS_PER_TRADER_HOUR", "100000", 1); /* bursts come as fast as they are done */
    if (d->asks_a_model) {
        setenv("GEMINI_API_KEY", "of-nobody", 1);
        setenv("GEMINI_BASE_URL", "http://127.0.0.1:1", 1); /* refused */
        setenv("AI_SIGNALS", "all", 1);
        setenv("AI_MAX_AGE_MIN", "10080", 1); /* a minute of this market is short */
    }
}

static void start_daemon(party *d, const exchange *e, const char *program) {
    int ends[2];
    if (pipe(ends) != 0) die("no pipe");
    d->pid = fork();
    if (d->pid < 0) die("no process");
    if (d->pid == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        set_environment(d, e);
        dup2(nowhere, STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        execl(program, program, "run", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    d->log = ends[0];
}

/* Serves until the daemon has logged that it runs, and reads the port from what it said before. */
static void wait_until_running(party *d, exchange *e) {
    static char log[1 << 16];
    size_t n = 0;
    int64_t end_ms = monotonic_ms() + DEADLINE_MS;
    log[0] = 0;
    while (!strstr(log, "running: ")) {
        const char *port;
        ssize_t got;
        if (!exchange_serve(e, d->log, (int)(end_ms - monotonic_ms()))) die("the daemon does not run in time");
        got = read(d->log, log + n, sizeof log - 1 - n);
        if (got <= 0) {
            fprintf(stderr, "%s", log);
            die("the daemon has ended");
        }
        n += (size_t)got;
        log[n] = 0;
        port = strstr(log, "listening on ");
        if (port && (port = strstr(port, " port "))) d->port = (int)strtol(port + 6, NULL, 10);
    }
}

static void read_token(party *d) {
    char path[128];
    FILE *f;
    snprintf(path, sizeof path, "%s/token", d->folder);
    f = fopen(path, "r");
    if (!f || !fgets(d->token, sizeof d->token, f)) die("the daemon has left no token");
    d->token[strcspn(d->token, "\n")] = 0;
    fclose(f);
}

typedef struct counts {
    int64_t n_evaluations, n_signals, n_errors, n_queued, n_skipped, n_warming, n_gaps, n_analyses, n_owed;
} counts;

static counts ask(const party *d) {
    static char answer[1 << 18];
    char request[512], *body;
    size_t n = 0;
    int fd = connect_to(d->port);
    json_t *root, *worker;
    counts c;
    snprintf(
        request, sizeof request,
        "GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
        d->port, d->token);
    send_all(fd, request, strlen(request));
    for (ssize_t got; (got = read(fd, answer + n, sizeof answer - 1 - n)) > 0;) n += (size_t)got;
    close(fd);
    answer[n] = 0;
    body = strchr(answer, '{');
    root = body ? json_loads(body, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    worker = json_array_get(json_object_get(root, "workers"), 0);
    if (!worker) die("the status is not as expected");
#define NUMBER(of, name) json_integer_value(json_object_get(of, name))
    c = (counts){.n_evaluations = NUMBER(worker, "evaluations"),
                 .n_signals = NUMBER(worker, "signals"),
                 .n_errors = NUMBER(worker, "errors"),
                 .n_skipped = NUMBER(worker, "skipped"),
                 .n_warming = NUMBER(worker, "warming"),
                 .n_gaps = NUMBER(worker, "gaps"),
                 .n_owed = NUMBER(worker, "promptsOwed"),
                 .n_queued = NUMBER(json_object_get(root, "storage"), "queued"),
                 .n_analyses = NUMBER(json_object_get(root, "queues"), "analysis")};
#undef NUMBER
    json_decref(root);
    return c;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *walk) {
    (void)s, (void)type, (void)walk;
    return remove(path);
}

static void stop(party *d) {
    int how;
    kill(d->pid, SIGTERM);
    if (waitpid(d->pid, &how, 0) != d->pid || !WIFEXITED(how) || WEXITSTATUS(how) != 0)
        die("the daemon has not ended well");
    waitpid(d->client, &how, 0);
    close(d->log);
    close(d->told);
    nftw(d->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    munmap(d->seen, sizeof *d->seen);
}

/* ---- bursts ---- */

/* Nothing asks the daemon while it is at work: only after a silence it is looked whether it is through, which it is twice: there is
 * a minute until the next burst, so it is not to come upon what is still done about this one (prompts, a checkpoint). */
static void wait_until_through(const party *d, exchange *e, counts before) {
    int64_t end_ms = monotonic_ms() + DEADLINE_MS;
    for (int32_t n_through = 0;;) {
        char bytes[256];
        counts now;
        while (exchange_serve(e, d->told, QUIET_MS)) {
            ssize_t n = read(d->told, bytes, sizeof bytes);
            if (n == 0) die("the client has ended");
        }
        now = ask(d);
        if (now.n_errors || now.n_gaps || now.n_skipped != before.n_skipped || now.n_warming != before.n_warming)
            die("not what it should be: errors, gaps, bars skipped or traders that are still warming up");
        if (now.n_evaluations == before.n_evaluations + N_TRADERS * d->n_symbols && now.n_queued == 0 &&
            now.n_owed == 0 && atomic_load(&d->seen->count) == now.n_signals && ++n_through == 2)
            return;
        if (now.n_evaluations != before.n_evaluations + N_TRADERS * d->n_symbols || now.n_owed) n_through = 0;
        if (monotonic_ms() <= end_ms) continue;
        fprintf(stderr,
                "latency: after %d s %lld evaluations of %d, %lld signals, %d seen by the client, %lld queued\n",
                DEADLINE_MS / 1000, (long long)(now.n_evaluations - before.n_evaluations), N_TRADERS * d->n_symbols,
                (long long)now.n_signals, atomic_load(&d->seen->count), (long long)now.n_queued);
        exit(1);
    }
}

/* Every stream is subscribed to, and the traders have gone over the bars before the start, about which they say
 * nothing. */
static void wait_until_ready(const party *d, exchange *e, int32_t n_streams) {
    const int64_t expected = (int64_t)N_TRADERS * d->n_symbols * SILENT_BARS;
    int64_t end_ms = monotonic_ms() + DEADLINE_MS;
    for (;;) {
        counts now = ask(d);
        if (now.n_evaluations + now.n_skipped >= expected && now.n_queued == 0 &&
            exchange_subscriptions(e) == n_streams)
            return;
        if (monotonic_ms() > end_ms) die("the daemon is not ready in time");
        (void)exchange_serve(e, -1, QUIET_MS);
    }
}

/* Latencies of one burst's signals, ms; their number. */
static int32_t burst(const party *d, exchange *e, double *out) {
    int32_t first = atomic_load(&d->seen->count), n;
    counts before = ask(d);
    int64_t open_ms = exchange_prepare(e), wrote_ns = exchange_close(e);
    wait_until_through(d, e, before);
    n = atomic_load(&d->seen->count) - first;
    for (int32_t i = 0; i < n; i++) {
        if (d->seen->signals[first + i].open_ms != open_ms) die("a signal of another minute");
        out[i] = (double)(d->seen->signals[first + i].arrived_ns - wrote_ns) / 1e6;
    }
    return n;
}

static double greatest(const double *samples, int32_t n) {
    double most = 0;
    for (int32_t i = 0; i < n; i++) most = samples[i] > most ? samples[i] : most;
    return most;
}

static void print(const char *name, const party *d, double *samples, int32_t n, double *last) {
    char workload[320], more[128];
    snprintf(
        workload, sizeof workload,
        "closing frames of %d symbols written at once to the signal on a client's socket, commit included: 20 Lua "
        "traders, one worker on a CPU of its own (CPU_PLACEMENT=spread), bars of %s, %d bursts, a run is a signal%s",
        d->n_symbols, d->is_narrow ? "1m 5m" : "1m 5m 15m 1h", N_BURSTS,
        d->asks_a_model ? "; a model that cannot be reached is to be asked about each" : "");
    snprintf(more, sizeof more, "\"max\":%.4g,\"last_median\":%.4g,\"last_max\":%.4g", greatest(samples, n),
             figure_median(last, N_BURSTS), greatest(last, N_BURSTS));
    figure_print_more(name, workload, "ms", samples, n, more);
}

static void start(party *d, exchange *e, const char *program) {
    char traders[96];
    if (!mkdtemp(d->folder)) die("no folder");
    snprintf(traders, sizeof traders, "%s/traders", d->folder);
    copy_traders(traders, d->is_narrow);
    d->seen = mmap(NULL, sizeof *d->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (d->seen == MAP_FAILED) die("out of memory");
    start_daemon(d, e, program);
    wait_until_running(d, e);
    read_token(d);
    start_client(d);
    if (!exchange_serve(e, d->told, DEADLINE_MS)) die("the client is not let in");
    wait_until_ready(d, e, d->n_symbols * (d->is_narrow ? 2 : 4));
}

/* One connection carries at most 1024 streams: with 500 symbols they look at two intervals. */
static void measure(const char *name, const char *program, party d) {
    static double samples[SIGNALS_MAX], last[N_BURSTS], unused[SIGNALS_MAX];
    exchange *e = exchange_new(d.n_symbols, N_BARS);
    int32_t n = 0;
    start(&d, e, program);
    for (int32_t i = 0; i < N_WARM || (d.asks_a_model && i < N_WARM_MAX && ask(&d).n_analyses < N_ANALYSES); i++)
        (void)burst(&d, e, unused);
    if (d.asks_a_model && ask(&d).n_analyses < N_ANALYSES) die("fewer analyses wait than should");
    for (int32_t i = 0; i < N_BURSTS; i++) {
        int32_t more = burst(&d, e, samples + n);
        if (more == 0) die("a burst without a signal");
        last[i] = greatest(samples + n, more);
        n += more;
    }
    stop(&d);
    exchange_free(e);
    print(name, &d, samples, n, last);
}

#define PARTY(...) ((party){.folder = "/tmp/trademind-bench-XXXXXX", __VA_ARGS__})

int main(int argc, char **argv) {
    char program[512];
    const char *slash = strrchr(argv[0], '/');
    (void)argc;
    log_init(LOG_WARN, LOG_AUTO);
    signal(SIGPIPE, SIG_IGN);
    snprintf(program, sizeof program, "%.*s/trademind", slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
    measure("latency.close_to_signal", program, PARTY(.n_symbols = 100));
    measure("latency.provider_down", program, PARTY(.n_symbols = 100, .asks_a_model = true));
    measure("latency.close_to_signal.500", program, PARTY(.n_symbols = 500, .is_narrow = true));
    return 0;
}
