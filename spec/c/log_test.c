/* Lines of the log, caught in a pipe (or a pseudo-terminal) put in the place of stderr. */
#include "base/clock.h"
#include "base/log.h"
#include "spec/c/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { TEXT_BYTES = 1 << 16 };

static int capture_fd, true_stderr;

/* stderr becomes the writing end; what is written is read by `captured`. */
static void capture(bool terminal) {
    int fds[2];
    if (terminal) {
        fds[0] = posix_openpt(O_RDWR | O_NOCTTY);
        if (fds[0] < 0 || grantpt(fds[0]) || unlockpt(fds[0])) abort();
        fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY);
        struct termios settings;
        if (fds[1] < 0 || tcgetattr(fds[1], &settings)) abort();
        settings.c_oflag &= ~(tcflag_t)OPOST; /* no \r before \n */
        tcsetattr(fds[1], TCSANOW, &settings);
    } else if (pipe(fds))
        abort();
    true_stderr = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    capture_fd = fds[0];
}

/* All that has been written since; log_write has returned, so it is all there. */
static const char *captured(void) {
    static char text[TEXT_BYTES];
    size_t bytes = 0;
    struct pollfd ready = {.fd = capture_fd, .events = POLLIN};
    while (bytes < sizeof text - 1 && poll(&ready, 1, 0) == 1 && ready.revents & POLLIN) {
        ssize_t n = read(capture_fd, text + bytes, sizeof text - 1 - bytes);
        if (n <= 0) break;
        bytes += (size_t)n;
    }
    text[bytes] = 0;
    return text;
}

static void release(void) {
    dup2(true_stderr, STDERR_FILENO);
    close(true_stderr);
    close(capture_fd);
}

static size_t n_lines(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

/* The fields of one JSON line; NULL when it is not one line of strict JSON. */
static json_t *parse_line(const char *text) {
    size_t bytes = strlen(text);
    if (n_lines(text) != 1 || text[bytes - 1] != '\n' || bytes > PIPE_BUF) return NULL;
    return json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
}

static bool field_is(json_t *line, const char *name, const char *expected) {
    const char *value = json_string_value(json_object_get(line, name));
    return value && strcmp(value, expected) == 0;
}

static bool logs_as(const char *message, const char *expected) {
    log_info("spec", "%s", message);
    json_t *line = parse_line(captured());
    bool same = field_is(line, "message", expected);
    json_decref(line);
    return same;
}

static bool is_time(const char *t) {
    int n = 0, parts[7];
    return t &&
           sscanf(t, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &parts[5],
                  &parts[6], &n) == 7 &&
           n == 24 && t[24] == 0;
}

static void test_json(void) {
    log_init(LOG_INFO, LOG_AUTO);
    log_warn("stream", "%d of %s", 3, "four");
    json_t *line = parse_line(captured());
    ok(line && json_object_size(line) == 4 && field_is(line, "level", "warn") &&
           field_is(line, "component", "stream") && field_is(line, "message", "3 of four"),
       "beside a terminal a line is an object with time, level, component and message");
    ok(line && is_time(json_string_value(json_object_get(line, "time"))), "the time is RFC 3339 in UTC with ms");
    json_decref(line);
    static const char *const names[] = {"info", "warn", "error"};
    bool all = true;
    for (int level = LOG_INFO; level <= LOG_ERROR; level++) {
        log_write((log_level)level, "spec", "x");
        line = parse_line(captured());
        all = all && field_is(line, "level", names[level - LOG_INFO]);
        json_decref(line);
    }
    ok(all, "levels by name");
    errno = EACCES;
    log_info("spec", "%m");
    ok(strstr(captured(), strerror(EACCES)) && errno == EACCES, "errno goes in and stays");
}

static void test_outside_text(void) {
    ok(logs_as("a \"quoted\" \\ back/slash", "a \"quoted\" \\ back/slash"), "quotes and backslashes");
    ok(logs_as("one\ntwo\r\n\ttab", "one\ntwo\r\n\ttab"), "line breaks do not break the line");
    char controls[160] = "";
    for (int c = 1; c < 0x20; c++) controls[c - 1] = (char)c;
    strcat(controls, "\x7f");
    ok(logs_as(controls, controls), "every control character");
    ok(logs_as("\xc2\x9b[31m \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
               "\xc2\x9b[31m \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
       "UTF-8 stays");
    ok(logs_as("a\xff"
               "b\xc3",
               "a\xef\xbf\xbd"
               "b\xef\xbf\xbd"),
       "bytes that are no UTF-8 become U+FFFD");
    ok(logs_as("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), "a surrogate is no UTF-8");
    ok(logs_as("\xc0\xaf\xf5", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), "nor is an overlong form");
    ok(logs_as("", ""), "an empty sentence");
}

/* Random bytes, however long: always one line of strict JSON that a pipe takes whole. */
static void test_random(uint64_t seed) {
    size_t n_wrong = 0;
    for (int round = 0; round < 2000; round++) {
        char text[6000];
        size_t bytes = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
        bytes %= round % 4 ? 100 : sizeof text - 1;
        for (size_t i = 0; i < bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(round % 2 ? 1 + (seed >> 40) % 255 : 1 + (seed >> 40) % 31);
        }
        text[bytes] = 0;
        log_error("spec", "%s", text);
        json_t *line = parse_line(captured());
        n_wrong += line == NULL;
        json_decref(line);
    }
    ok(n_wrong == 0, "2000 sentences of random bytes are 2000 lines of JSON");
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_info("spec", "%s", text);
    json_t *line = parse_line(captured());
    const char *message = json_string_value(json_object_get(line, "message"));
    ok(message && strlen(message) > 1000 && strcmp(message + strlen(message) - 3, "...") == 0,
       "a sentence that is too long is cut and says so");
    json_decref(line);
}

static void test_levels(void) {
    log_init(LOG_WARN, LOG_JSON);
    log_debug("spec", "a");
    log_info("spec", "b");
    ok(!*captured() && !log_enabled(LOG_INFO) && log_enabled(LOG_WARN), "what is below the level is not written");
    log_init(LOG_OFF, LOG_JSON);
    log_error("spec", "c");
    ok(!*captured() && !log_enabled(LOG_ERROR), "off is off");
    log_init(LOG_DEBUG, LOG_JSON);
    log_debug("spec", "d");
    ok(n_lines(captured()) == 1, "debug writes all");
}

static void test_human(void) {
    log_init(LOG_INFO, LOG_HUMAN);
    log_error("stream", "gone: %s", "a\nb\x1b[2J\xc2\x9b");
    const char *text = captured();
    ok(strstr(text, " ERROR stream: gone: a\\nb\\u001b[2J\\u009b\n") && n_lines(text) == 1,
       "for people: controls are shown, not obeyed");
    ok(!strchr(text, '\033'), "no colour beside a terminal");
}

static void test_terminal(void) {
    unsetenv("NO_COLOR");
    log_init(LOG_INFO, LOG_AUTO);
    log_warn("stream", "x\x1b[0m");
    const char *text = captured();
    ok(strstr(text, "\033[33mWARN \033[0m stream: x\\u001b[0m\n"), "on a terminal the level is coloured, nothing else");
    setenv("NO_COLOR", "1", 1);
    log_init(LOG_INFO, LOG_AUTO);
    log_warn("stream", "x");
    text = captured();
    ok(strstr(text, " WARN  stream: x\n") && !strchr(text, '\033'), "NO_COLOR is heeded");
    log_init(LOG_INFO, LOG_JSON);
    log_warn("stream", "x");
    ok(*captured() == '{', "JSON where it was asked for");
}

static void test_repeat(void) {
    static log_repeater repeater;
    log_init(LOG_INFO, LOG_JSON);
    for (int i = 1; i <= 5; i++) log_repeat(&repeater, LOG_WARN, "spec", "failure %d", i);
    const char *text = captured();
    ok(n_lines(text) == 1 && strstr(text, "\"failure 1\"") && repeater.n_total == 5 && repeater.n_silent == 4,
       "the first of five is written, all are counted");
    ok(repeater.next_ms > monotonic_ms() + 50000 && repeater.next_ms <= monotonic_ms() + 60000, "the period is 60 s");
    repeater.next_ms = 0; /* as if it had passed */
    log_repeat(&repeater, LOG_WARN, "spec", "failure %d", 6);
    text = captured();
    ok(n_lines(text) == 1 && strstr(text, "\"failure 6 (5 times since)\"") && repeater.n_silent == 0,
       "the next line says how many there were");
    repeater.next_ms = 0;
    log_repeat(&repeater, LOG_WARN, "spec", "failure 7");
    ok(strstr(captured(), "\"failure 7\"") != NULL, "a single one says nothing of times");
    repeater.next_ms = 0;
    log_repeat(&repeater, LOG_DEBUG, "spec", "quiet");
    ok(!*captured() && repeater.n_total == 8 && repeater.next_ms == 0, "below the level it is counted only");
    char text_bytes[3000];
    memset(text_bytes, 'x', sizeof text_bytes - 1);
    text_bytes[sizeof text_bytes - 1] = 0;
    log_repeat(&repeater, LOG_WARN, "spec", "%s", text_bytes);
    ok(strstr(captured(), "... (2 times since)\"}") != NULL, "a cut sentence keeps its count");
}

enum { N_THREADS = 4, N_EACH = 100 };

static log_repeater shared_repeater;

static void *write_lines(void *nothing) {
    (void)nothing;
    for (int i = 0; i < N_EACH; i++) {
        log_info("spec", "0123456789");
        log_repeat(&shared_repeater, LOG_INFO, "repeat", "shared");
    }
    return NULL;
}

static void test_threads(void) {
    log_init(LOG_INFO, LOG_JSON);
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) pthread_create(&threads[i], NULL, write_lines, NULL);
    for (int i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
    char *text = strdup(captured());
    size_t n_whole = 0, n_repeats = 0;
    char *rest = text, *at;
    while ((at = strsep(&rest, "\n")) && *at) {
        json_t *line = json_loads(at, 0, NULL);
        n_whole += field_is(line, "message", "0123456789");
        n_repeats += field_is(line, "component", "repeat");
        json_decref(line);
    }
    free(text);
    ok(n_whole == N_THREADS * N_EACH, "lines of four threads never mix");
    ok(n_repeats == 1 && shared_repeater.n_total == N_THREADS * N_EACH,
       "one of them writes the repeated line, all are counted");
}

static void test_closed(void) {
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    log_error("spec", "nobody reads this");
    dup2(kept, STDERR_FILENO);
    close(kept);
    log_info("spec", "back");
    ok(n_lines(captured()) == 1, "a log that cannot be written is no reason to stop");
}

int main(void) {
    capture(false);
    test_json();
    test_outside_text();
    test_random(tap_seed((uint64_t)wall_ms()));
    test_levels();
    test_human();
    test_repeat();
    test_threads();
    test_closed();
    release();
    capture(true);
    test_terminal();
    release();
    return done();
}
