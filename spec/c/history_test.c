/* The history store: spans and missing bars against a model with one flag a minute, files bit for bit, cut off and with
 * flipped bits, and a process that is killed or finds the disk full while it writes. */
#include "base/packing.h"
#include "market/history_file.h"
#include "market/history_folder.h"
#include "market/interval.h"
#include "market/kline_csv.h"
#include "market/kline_file.h"
#include "spec/c/random.h"
#include "spec/c/same_bar.h"
#include "spec/c/tap.h"
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MINUTE_MS = 60000, N_MINUTES = 300 };
#define FROM_MS INT64_C(1735689600000) /* 2025-01-01 */

static char folder[] = "/tmp/history_test.XXXXXX";

static kline draw_bar(int64_t open_ms) {
    double open = (double)(1 + below(1000000)) / 100, high = open + (double)below(1000) / 1e4;
    double low = open * (0.5 + uniform() / 2), volume = (double)below(2000000000) / 1e8;
    if (below(20) == 0) volume = uniform() * 1e12; /* no multiple of 1e-8 */
    return (kline){open_ms, open, high, low, low, volume, volume * 3, below(100000), volume / 2, volume};
}

/* ---- spans and parts ---- */

static bool flags_of(const span_list *list, bool *flags) {
    memset(flags, 0, N_MINUTES);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].from_ms >= list->items[i].to_ms) return false;
        if (i > 0 && list->items[i].from_ms <= list->items[i - 1].to_ms) return false; /* apart */
        for (int64_t m = list->items[i].from_ms; m < list->items[i].to_ms; m++) flags[m] = true;
    }
    return true;
}

static void test_spans(void) {
    span_list list = {0};
    bool model[N_MINUTES] = {false}, flags[N_MINUTES];
    size_t n_wrong = 0;
    for (int step = 0; step < 20000; step++) {
        int from = below(N_MINUTES), to = from + below(below(4) ? 12 : N_MINUTES - from);
        bool adds = below(2);
        if (to > N_MINUTES) to = N_MINUTES;
        if ((adds ? span_list_add(&list, from, to) : span_list_remove(&list, from, to)) != OK) n_wrong++;
        for (int m = from; m < to; m++) model[m] = adds;
        if (!flags_of(&list, flags) || memcmp(model, flags, sizeof flags) != 0) n_wrong++;
    }
    ok(n_wrong == 0, "20000 spans added and removed as one flag each says");
    span_list_free(&list);
}

static int64_t minute(int i) { return FROM_MS + (int64_t)i * MINUTE_MS; }

static void test_missing(void) {
    enum { BAR = 1, HOLE = 2 };
    size_t n_wrong = 0, n_changed = 0;
    for (int round = 0; round < 40; round++) {
        history_part part;
        char model[N_MINUTES] = {0};
        kline kept[N_MINUTES];
        history_part_init(&part, "spot", "TESTUSDT", INTERVAL_1M, FROM_MS + 5 * 86400000);
        for (int step = 0; step < 40; step++) {
            int from = below(N_MINUTES), to = from + below(40);
            kline bars[N_MINUTES];
            history_change change;
            size_t n = 0, n_new = 0;
            if (to > N_MINUTES) to = N_MINUTES;
            for (int m = from; m < to; m++)
                if (below(3)) {
                    n_new += model[m] != BAR;
                    model[m] = BAR;
                    kept[m] = bars[n++] = draw_bar(minute(m));
                }
            if (history_part_add(&part, bars, n, &change) != OK || change.n_new != n_new) n_wrong++;
            n_changed += change.n_changed;
            if (below(2)) {
                if (history_part_close(&part, minute(from), minute(to)) != OK) n_wrong++;
                for (int m = from; m < to; m++) model[m] = model[m] == BAR ? BAR : HOLE;
            }
            span_list missing = {0};
            if (history_part_missing(&part, minute(0) - below(2), minute(N_MINUTES) - below(2), &missing) != OK)
                n_wrong++;
            for (int m = 0; m < N_MINUTES; m++) {
                size_t at = span_list_find(&missing, minute(m));
                bool is_missing = at < missing.count && missing.items[at].from_ms <= minute(m);
                if (is_missing != (model[m] == 0)) n_wrong++;
            }
            span_list_free(&missing);
        }
        size_t at = 0;
        for (int m = 0; m < N_MINUTES; m++)
            if (model[m] == BAR && !(at < part.bars.count && is_same_bar(&part.bars.bars[at++], &kept[m]))) n_wrong++;
        if (at != part.bars.count) n_wrong++;
        history_part_deinit(&part);
    }
    ok(n_wrong == 0 && n_changed > 0, "bars, holes and what is missing as one flag a minute says (%zu wrong)", n_wrong);
}

static void test_periods(void) {
    history_part p;
    char name[HISTORY_NAME_BYTES];
    history_part_init(&p, "usdm", "BTCUSDT", INTERVAL_1M, FROM_MS + 1);
    history_file_name(&p, name);
    ok(p.from_ms == FROM_MS && p.to_ms == FROM_MS + 31 * INT64_C(86400000) &&
           strcmp(name, "BTCUSDT-1m-2025-01.csv.zst") == 0,
       "a month: %s", name);
    history_part_init(&p, "spot", "BTCUSDT", INTERVAL_1S, FROM_MS + 86400000);
    history_file_name(&p, name);
    ok(p.from_ms == FROM_MS + 86400000 && p.to_ms - p.from_ms == 86400000 &&
           strcmp(name, "BTCUSDT-1s-2025-01-02.csv.zst") == 0,
       "a day of seconds: %s", name);
    history_part_init(&p, "spot", "BTCUSDT", INTERVAL_1W, FROM_MS);
    span_list missing = {0};
    ok(history_part_missing(&p, p.from_ms, p.to_ms, &missing) == OK && missing.count == 1 &&
           missing.items[0].from_ms == 1736121600000 && missing.items[0].to_ms == 1738540800000,
       "weeks that begin in January: from Monday the 6th to the end of the one of the 27th");
    span_list_free(&missing);
}

/* ---- files ---- */

static void fill(history_part *p, int n) {
    history_change change;
    kline *bars = malloc((size_t)n * sizeof *bars);
    history_part_init(p, "spot", "TESTUSDT", INTERVAL_1M, FROM_MS);
    for (int i = 0; i < n; i++) bars[i] = draw_bar(minute(i + (i > n / 2 ? 7 : 0)));
    if (history_part_add(p, bars, (size_t)n, &change) != OK || history_part_close(p, minute(0), minute(n)) != OK)
        abort();
    free(bars);
}

static bool is_equal(const history_part *a, const history_part *b) {
    bool is_so = strcmp(a->market, b->market) == 0 && strcmp(a->symbol, b->symbol) == 0 && a->interval == b->interval &&
                 a->from_ms == b->from_ms && a->to_ms == b->to_ms && a->bars.count == b->bars.count &&
                 a->holes.count == b->holes.count;
    for (size_t i = 0; is_so && i < a->bars.count; i++) is_so = is_same_bar(&a->bars.bars[i], &b->bars.bars[i]);
    for (size_t i = 0; is_so && i < a->holes.count; i++)
        is_so = a->holes.items[i].from_ms == b->holes.items[i].from_ms &&
                a->holes.items[i].to_ms == b->holes.items[i].to_ms;
    return is_so;
}

static void test_numbers(void) {
    static const double fixed[] = {0,
                                   1,
                                   0.1,
                                   0.00000001,
                                   97000.1,
                                   1e-9,
                                   123456789.12345678,
                                   1e21,
                                   6.1e-7,
                                   0.5,
                                   1e15,
                                   90071992.54740993,
                                   1.7976931348623157e308,
                                   5e-324};
    size_t n_wrong = 0;
    for (int i = 0; i < 200000; i++) {
        char text[KLINE_CSV_NUMBER_BYTES + 1];
        double value = i < (int)(sizeof fixed / sizeof *fixed) ? fixed[i] : ldexp(uniform(), below(80) - 30);
        if (i % 2 && i > 20) value = nearbyint(value * 1e8) / 1e8;
        text[kline_csv_number(value, text)] = 0;
        if (strtod(text, NULL) != value) n_wrong++;
    }
    ok(n_wrong == 0, "200000 numbers are read back as they were written");
    char text[KLINE_CSV_NUMBER_BYTES + 1];
    text[kline_csv_number(0.00000061, text)] = 0;
    ok(strcmp(text, "0.00000061") == 0, "small prices without an exponent: %s", text);
}

static void test_round_trip(void) {
    history_part p, q;
    char path[256], name[HISTORY_NAME_BYTES];
    diag why = {{0}};
    size_t bytes = 0;
    fill(&p, 2000);
    history_file_name(&p, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ok(history_file_read(path, &q, &why) == ERR_NOT_FOUND, "no file yet: %s", why.text);
    err e = history_file_write(folder, &p, &bytes, &why);
    ok(e == OK && bytes > 1000, "2000 bars in %zu bytes %s", bytes, why.text);
    ok(history_file_read(path, &q, &why) == OK && is_equal(&p, &q) && q.holes.count == 1, "come back bit for bit");
    history_part_deinit(&q);
    char command[512];
    snprintf(command, sizeof command, "zstd -dcq %s | head -1", path);
    FILE *pipe = access("/usr/bin/zstd", X_OK) == 0 ? popen(command, "r") : NULL;
    char line[256] = "";
    if (pipe && fgets(line, sizeof line, pipe)) line[strcspn(line, "\n")] = 0;
    if (pipe) pclose(pipe);
    ok(!pipe || strcmp(line, kline_csv_names) == 0, "zstd -dc gives the rows%s", pipe ? "" : " # SKIP no zstd here");
    kline_list list;
    enum interval interval = INTERVAL_1S;
    ok(kline_file_interval(path, &interval, &why) == OK && interval == INTERVAL_1M &&
           kline_file_read(path, interval, &list, &why) == OK && list.count == 2000,
       "a part is a file of klines");
    kline_list_free(&list);
    history_part_deinit(&p);
}

static void test_damage(void) {
    history_part p, q;
    unsigned char *data = NULL;
    size_t bytes = 0, n_taken = 0, n_silent = 0;
    diag why;
    fill(&p, 60);
    if (history_file_encode(&p, &data, &bytes) != OK) abort();
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        why.text[0] = 0;
        if (history_file_decode(data, bytes, "F", &q, &why) == OK) {
            n_taken++;
            history_part_deinit(&q);
        } else if (strncmp(why.text, "F:", 2) != 0 || !strstr(why.text, "found") || !strstr(why.text, "expected"))
            n_silent++;
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ok(n_taken == 0 && n_silent == 0, "each of %zu flipped bits is found and said", 8 * bytes);
    for (size_t n = 0; n < bytes; n++) {
        unsigned char *cut = malloc(n);
        memcpy(cut, data, n);
        n_taken += history_file_decode(cut, n, "F", &q, &why) == OK;
        free(cut);
    }
    ok(n_taken == 0, "a file cut off at any byte is refused");
    free(data);
    history_part_deinit(&p);
}

/* A file whose checksums are right and whose rows are not: written by another hand. */
static size_t n_found;
static char first_found[1024];
static bool on_finding(void *context, const char *sentence) {
    (void)context;
    if (n_found++ == 0) snprintf(first_found, sizeof first_found, "%s", sentence);
    return true;
}

static void test_findings(void) {
    history_part p, q;
    char path[256], name[HISTORY_NAME_BYTES];
    diag why;
    fill(&p, 50);
    kline swapped = p.bars.bars[10];
    p.bars.bars[10] = p.bars.bars[11];
    p.bars.bars[11] = swapped;
    p.bars.bars[40].high = p.bars.bars[40].low / 2;
    history_file_name(&p, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ok(history_file_write(folder, &p, NULL, &why) == OK, "rows out of order and a bad bar, written");
    ok(history_file_read(path, &q, &why) == ERR_INVALID && strstr(why.text, ":13: found ") &&
           strstr(why.text, "expected a later open_time"),
       "are refused: %.200s", why.text);
    n_found = 0;
    ok(history_file_check(path, on_finding, NULL, &q, &why) == OK && n_found == 2 && strstr(first_found, ":13: found"),
       "and both found, with the line");
    ok(q.bars.count == 48, "the other 48 bars are sound");
    history_part_deinit(&q);
    history_part_deinit(&p);
}

static void test_series(void) {
    history_part p;
    history_series *series = NULL;
    history_change change;
    size_t n = 0;
    char path[HISTORY_PATH_BYTES], sub[256], **symbols = NULL;
    kline_list list;
    enum interval interval;
    diag why = {{0}};
    snprintf(sub, sizeof sub, "%s/spot", folder);
    mkdir(sub, 0700);
    history_series wanted = {"TESTUSDT", INTERVAL_1M};
    err e = history_folder_of_series(sub, &wanted, path, &why);
    mkdir(path, 0700);
    for (int month = 0; month < 3 && e == OK; month++) {
        kline bar = draw_bar(FROM_MS + month * INT64_C(31) * 86400000);
        history_part_init(&p, "spot", "TESTUSDT", INTERVAL_1M, bar.open_ms);
        e = history_part_add(&p, &bar, 1, &change);
        if (e == OK) e = history_file_write(path, &p, NULL, &why);
        history_part_deinit(&p);
    }
    ok(e == OK && history_folder_read(path, INTERVAL_1M, &list, &why) == OK && list.count == 3 &&
           list.bars[2].open_ms > list.bars[1].open_ms,
       "three months of a series in their order %s", why.text);
    kline_list_free(&list);
    ok(history_folder_list(sub, &series, &n, &why) == OK && n == 1 && strcmp(series[0].symbol, "TESTUSDT") == 0,
       "is listed");
    free(series);
    ok(kline_file_symbols(sub, &symbols, &n, &why) == OK && n == 1 &&
           kline_file_smallest(sub, "TESTUSDT", &interval, path, sizeof path) == OK && interval == INTERVAL_1M &&
           kline_file_read(path, interval, &list, &why) == OK && list.count == 3,
       "and read as a file of klines");
    kline_list_free(&list);
    kline_file_free_symbols(symbols, n);
    char other[HISTORY_PATH_BYTES + 64], part[HISTORY_PATH_BYTES + 64];
    snprintf(part, sizeof part, "%s/TESTUSDT-1m-2025-01.csv.zst", path);
    snprintf(other, sizeof other, "%s/TESTUSDT-1m-2025-05.csv.zst", path);
    ok(rename(part, other) == 0 && kline_file_read(path, interval, &list, &why) == ERR_INVALID &&
           strstr(why.text, "TESTUSDT-1m-2025-01.csv.zst"),
       "a file under another's name: %s", why.text);
    ok(history_folder_list("/nonexistent", &series, &n, &why) == OK && n == 0, "no store: nothing is listed");
    free(series);
}

/* ---- killed, and no room ---- */

/* Runs in a child; what it leaves is the file of before or the one of after. */
static void write_as_child(const char *fault_name, const history_part *p) {
    diag why;
    if (fault_name) {
        char text[64];
        snprintf(text, sizeof text, "%s:1", fault_name);
        setenv("TRADEMIND_FAULT", text, 1);
    } else {
        struct rlimit limit = {2000, 2000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    err e = history_file_write(folder, p, NULL, &why);
    if (!fault_name) fprintf(stderr, "# %s\n", why.text);
    _exit(e == ERR_IO && strstr(why.text, "cannot write") ? 7 : 0);
}

static void test_interrupted(void) {
    static const char *const points[] = {"history.draft", "history.written", "history.renamed", NULL};
    char path[256], draft[300], name[HISTORY_NAME_BYTES];
    history_part before, after, q;
    diag why;
    fill(&before, 100);
    fill(&after, 3000);
    history_file_name(&before, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(draft, sizeof draft, "%s.draft", path);
    for (size_t i = 0; i < 4; i++) {
        int status = 0;
        bool is_written = history_file_write(folder, &before, NULL, &why) == OK;
        pid_t child = fork();
        if (child == 0) write_as_child(points[i], &after);
        waitpid(child, &status, 0);
        err e = history_file_read(path, &q, &why);
        bool is_new = e == OK && is_equal(&q, &after), is_old = e == OK && is_equal(&q, &before);
        if (!points[i]) {
            ok(is_written && WIFEXITED(status) && WEXITSTATUS(status) == 7 && is_old && access(draft, F_OK) != 0,
               "no room: said, the file is as it was, and nothing lies beside it");
        } else if (WIFEXITED(status)) {
            ok(is_new, "%s # SKIP fault points are compiled out of this build", points[i]);
        } else {
            ok(is_written && WIFSIGNALED(status) && (i == 2 ? is_new : is_old), "killed at %s: %s", points[i],
               i == 2 ? "the new file is there" : "the file before is there");
        }
        if (e == OK) history_part_deinit(&q);
    }
    history_part_deinit(&before);
    history_part_deinit(&after);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    if (!mkdtemp(folder)) return 1;
    test_spans();
    test_missing();
    test_periods();
    test_numbers();
    test_round_trip();
    test_damage();
    test_findings();
    test_series();
    test_interrupted();
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0 || done();
}
