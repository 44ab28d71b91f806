/* `trademind data list` and `verify`: a walk over the parts of each series. */
#include "base/json_writer.h"
#include "base/time_text.h"
#include "cli/data.h"
#include "cli/verbs.h"
#include "market/history_file.h"
#include "market/interval.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct summary {
    size_t n_files, n_damaged, n_findings;
    int64_t n_bytes, n_bars, n_holes, n_missing; /* bars' places, but for bytes */
    int64_t first_ms, last_ms;                   /* open times; INT64_MAX, INT64_MIN: no bar */
    int64_t known_to_ms;                         /* end of what the parts so far know; 0: nothing */
} summary;

typedef struct walk {
    const data_call *call;
    const data_series *series;
    bool is_verifying;
    summary sum;
    char path[HISTORY_PATH_BYTES]; /* of the part */
} walk;

/* ---- findings ---- */

/* Whose it is, as every object begins. */
static void begin_object(const walk *w, json_writer *j) {
    json_writer_init(j);
    json_write_object(j);
    json_put_text(j, "market", w->series->market);
    json_put_text(j, "symbol", w->series->series.symbol);
    json_put_text(j, "interval", interval_name(w->series->series.interval));
}

static void print_object(json_writer *j) {
    json_write_object_end(j);
    if (json_writer_text(j)) puts(json_writer_text(j));
    json_writer_deinit(j);
}

/* `PATH[:ROW]: found F; expected E`, as all of them are. */
static void print_finding_json(const walk *w, const char *sentence) {
    size_t path_bytes = strlen(w->path);
    const char *at = strncmp(sentence, w->path, path_bytes) == 0 ? sentence + path_bytes : sentence;
    const char *found = strstr(at, ": found "), *expected = found ? strstr(found, "; expected ") : NULL;
    json_writer j;
    begin_object(w, &j);
    json_put_text(&j, "file", w->path);
    json_write_key(&j, "row");
    if (*at == ':' && at[1] >= '0' && at[1] <= '9')
        json_write_integer(&j, strtoll(at + 1, NULL, 10));
    else
        json_write_null(&j);
    json_write_key(&j, "found");
    if (expected)
        json_write_bytes(&j, found + strlen(": found "), (size_t)(expected - found) - strlen(": found "));
    else
        json_write_text(&j, sentence);
    json_put_text(&j, "expected", expected ? expected + strlen("; expected ") : NULL);
    print_object(&j);
}

static bool on_finding(void *context, const char *sentence) {
    walk *w = context;
    w->sum.n_findings++;
    if (!w->is_verifying) return true;
    if (w->call->as_json)
        print_finding_json(w, sentence);
    else
        puts(sentence);
    return true;
}

/* The bar behind the gap is where one sees it: its row, counted from the line of names. */
static void find_gap(walk *w, const history_part *p, const span *gap) {
    diag sentence;
    char from[TIME_TEXT_BYTES], to[TIME_TEXT_BYTES];
    int64_t n = interval_count(p->interval, gap->from_ms, gap->to_ms);
    w->sum.n_missing += n;
    time_text_format(gap->from_ms, from);
    time_text_format(gap->to_ms, to);
    (void)diag_set(&sentence, OK,
                   "%s:%zu: found %s next; expected %s (%" PRId64 " bars are missing, not known as holes)", w->path,
                   kline_list_find(&p->bars, gap->to_ms) + 2, to, from, n);
    (void)on_finding(w, sentence.text);
}

/* ---- the walk ---- */

static int64_t first_known(const history_part *p) {
    int64_t bar_ms = p->bars.count ? p->bars.bars[0].open_ms : INT64_MAX;
    int64_t hole_ms = p->holes.count ? p->holes.items[0].from_ms : INT64_MAX;
    return bar_ms < hole_ms ? bar_ms : hole_ms;
}

static int64_t end_known(const history_part *p) {
    int64_t bar_ms = p->bars.count ? interval_next(p->interval, p->bars.bars[p->bars.count - 1].open_ms) : INT64_MIN;
    int64_t hole_ms = p->holes.count ? p->holes.items[p->holes.count - 1].to_ms : INT64_MIN;
    return bar_ms > hole_ms ? bar_ms : hole_ms;
}

/* What is unknown between the end of the parts before and the end of this one. */
static err find_gaps(walk *w, const history_part *p) {
    span_list gaps = {0};
    int64_t from_ms = w->sum.known_to_ms ? w->sum.known_to_ms : first_known(p), end_ms = end_known(p);
    err e = OK;
    if (end_ms == INT64_MIN) return OK; /* an empty part */
    if (from_ms < p->from_ms) e = span_list_add(&gaps, from_ms, history_first_open(p->interval, p->from_ms));
    if (e == OK) e = history_part_missing(p, from_ms, end_ms, &gaps);
    for (size_t i = 0; i < gaps.count && e == OK; i++) find_gap(w, p, &gaps.items[i]);
    if (end_ms > w->sum.known_to_ms) w->sum.known_to_ms = end_ms;
    span_list_free(&gaps);
    return e;
}

static void count_part(summary *s, const history_part *p) {
    s->n_bars += (int64_t)p->bars.count;
    for (size_t i = 0; i < p->holes.count; i++)
        s->n_holes += interval_count(p->interval, p->holes.items[i].from_ms, p->holes.items[i].to_ms);
    if (p->bars.count == 0) return;
    if (p->bars.bars[0].open_ms < s->first_ms) s->first_ms = p->bars.bars[0].open_ms;
    if (p->bars.bars[p->bars.count - 1].open_ms > s->last_ms) s->last_ms = p->bars.bars[p->bars.count - 1].open_ms;
}

static err walk_part(walk *w, const char *name, diag *why) {
    history_part part;
    char wanted[HISTORY_NAME_BYTES];
    struct stat status;
    size_t n_before = w->sum.n_findings;
    if (snprintf(w->path, sizeof w->path, "%s/%s", w->series->folder, name) >= (int)sizeof w->path)
        return diag_set(why, ERR_TOO_BIG, "%.200s...: the path is too long", w->series->folder);
    err e = history_file_check(w->path, on_finding, w, &part, why);
    if (e != OK) return e;
    w->sum.n_files++;
    if (stat(w->path, &status) == 0) w->sum.n_bytes += status.st_size;
    bool is_read = part.interval >= 0;
    if (is_read) {
        history_file_name(&part, wanted);
        if (strcmp(name, wanted) != 0 || strcmp(part.market, w->series->market) != 0) {
            diag sentence;
            (void)diag_set(&sentence, OK, "%s: found %s of %s; expected what its name says", w->path, wanted,
                           part.market);
            (void)on_finding(w, sentence.text);
            is_read = false;
        }
    }
    w->sum.n_damaged += w->sum.n_findings > n_before;
    if (is_read) {
        count_part(&w->sum, &part);
        e = find_gaps(w, &part);
        if (e != OK) (void)diag_set(why, e, "%s: %s", w->path, error_text(e));
    }
    history_part_deinit(&part);
    return e;
}

static err walk_series(walk *w, diag *why) {
    history_names names;
    w->sum = (summary){.first_ms = INT64_MAX, .last_ms = INT64_MIN};
    err e = history_folder_parts(w->series->folder, &names, why);
    for (size_t i = 0; i < names.count && e == OK; i++) e = walk_part(w, names.items[i], why);
    history_names_free(&names);
    return e;
}

/* ---- what comes out ---- */

static void print_json(const walk *w) {
    const summary *s = &w->sum;
    json_writer j;
    begin_object(w, &j);
    json_put_integer(&j, "files", (int64_t)s->n_files);
    json_put_integer(&j, "bytes", s->n_bytes);
    json_put_integer(&j, "bars", s->n_bars);
    json_write_key(&j, "first");
    if (s->first_ms == INT64_MAX)
        json_write_null(&j);
    else
        json_write_integer(&j, s->first_ms);
    json_write_key(&j, "last");
    if (s->first_ms == INT64_MAX)
        json_write_null(&j);
    else
        json_write_integer(&j, s->last_ms);
    json_put_integer(&j, "holes", s->n_holes);
    json_put_integer(&j, "missing", s->n_missing);
    json_put_integer(&j, "damaged", (int64_t)s->n_damaged);
    if (w->is_verifying) json_put_integer(&j, "findings", (int64_t)s->n_findings);
    print_object(&j);
}

static void print_line(const walk *w) {
    const summary *s = &w->sum;
    char first[TIME_TEXT_BYTES] = "-", last[TIME_TEXT_BYTES] = "-";
    if (s->first_ms != INT64_MAX) {
        time_text_format(s->first_ms, first);
        time_text_format(s->last_ms, last);
    }
    printf("%-5s %-14s %-4s %9" PRId64 " bars  %-16.16s to %-16.16s %7.1f MB", w->series->market,
           w->series->series.symbol, interval_name(w->series->series.interval), s->n_bars, first, last,
           (double)s->n_bytes / 1e6);
    if (s->n_holes) printf("  %" PRId64 " that the exchange has not", s->n_holes);
    if (s->n_missing) printf("  %" PRId64 " missing", s->n_missing);
    if (s->n_damaged) printf("  damaged files: %zu", s->n_damaged);
    putchar('\n');
}

static int walk_all(const data_call *call, const config *cfg, bool is_verifying) {
    data_series *series;
    size_t count, n_findings = 0;
    diag why;
    err e = data_choose(call, cfg, &series, &count, &why);
    bool is_empty = e == ERR_NOT_FOUND && !is_verifying; /* an empty list is an answer */
    for (size_t i = 0; i < count && e == OK; i++) {
        walk w = {.call = call, .series = &series[i], .is_verifying = is_verifying};
        e = walk_series(&w, &why);
        n_findings += w.sum.n_findings;
        if (e == OK && call->as_json) print_json(&w);
        if (e == OK && !call->as_json) print_line(&w);
    }
    free(series);
    if (is_empty) {
        fprintf(stderr, "%s\n", why.text);
        return EXIT_OK;
    }
    if (e != OK) return verb_fail(&DATA_VERB, e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    return is_verifying && n_findings > 0 ? EXIT_FAILED : EXIT_OK;
}

int data_list(const data_call *call, const config *cfg) { return walk_all(call, cfg, false); }
int data_verify(const data_call *call, const config *cfg) { return walk_all(call, cfg, true); }
