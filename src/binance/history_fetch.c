/* A job has one part at a time and takes one step after the other with it:
 *
 *           next part          plan             answer
 *   IDLE ──────────────► READY ──────► ASKING ──────────► READY ... until the plan is done ──► IDLE
 *                          ▲              │ failure
 *                          └─── WAITING ◄─┘
 *
 * Before its first part a series is *opened*: REST is asked for the first bar that there is from the wished start on, so
 * that nobody asks for the months before a symbol was listed. */
#include "binance/history_fetch.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/time_text.h"
#include "binance/dump_call.h"
#include "binance/parse.h"
#include "market/interval.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_JOBS = 4,
    SAVE_EVERY_PAGES = 16,
    SAVE_EVERY_MS = 3000,
    RETRY_BASE_MS = 500,
    RETRY_CAP_MS = 30000,
    MOST_TRIES = 8,    /* failures in a row */
    MOST_LIMITED = 60, /* answers of 429 in a row */
    INVALID_SYMBOL = -1121
};

typedef enum series_state { SERIES_CLOSED, SERIES_OPENING, SERIES_OPEN } series_state;

typedef struct series {
    const history_wish *wish;
    history_result result;
    series_state state;
    history_origin origin;
    int64_t from_ms, to_ms;       /* on the interval's grid */
    int64_t next_ms;              /* start of the next part to be taken */
    bool is_given_up, is_unknown; /* unknown to REST: perhaps no longer listed */
    char folder[HISTORY_PATH_BYTES];
} series;

typedef struct job {
    history_fetch *owner;
    series *series; /* NULL: idle */
    history_part part;
    history_plan plan;
    history_step step;
    span_list missing;
    int64_t n_left; /* bars' places in `missing` */
    bool is_dirty;
    uint64_t rest_id;
    dump_call *dump;
    int n_failures, n_limited, n_pages;
    int64_t saved_ms; /* monotonic */
    backoff retry;
    uv_timer_t timer;
} job;

struct history_fetch {
    history_fetch_options options;
    series *series;
    job jobs[N_JOBS];
    kline *page;
    history_progress progress;
    diag failure;
    bool has_failed, is_stopping, is_done, are_dumps_down;
    size_t n_timers;
    uv_timer_t pump;
};

static void pump(uv_timer_t *timer);
static void take_step(job *j);
static void on_due(uv_timer_t *timer);
static void ask_rest(job *j);
static void on_first(void *context, const rest_answer *answer);
static void on_page(void *context, const rest_answer *answer);
static void on_dump(void *context, const dump_answer *answer);

/* ---- life ---- */

static err make_series(history_fetch *f, series *s, const history_wish *wish) {
    const history_fetch_options *o = &f->options;
    int32_t interval = wish->series.interval;
    int64_t closed_ms = interval_floor(interval, o->now_ms),
            end_ms = wish->to_ms < closed_ms ? history_first_open(interval, wish->to_ms) : closed_ms;
    diag why;
    *s = (series){.wish = wish, .origin = o->rest ? o->origin : HISTORY_DUMPS};
    s->from_ms = s->result.first_ms = history_first_open(interval, wish->from_ms);
    s->to_ms = end_ms > s->from_ms ? end_ms : s->from_ms;
    s->next_ms = history_period_floor(interval, s->from_ms);
    s->result.to_ms = s->to_ms;
    s->result.n_wanted = s->result.n_left = interval_count(interval, s->from_ms, s->to_ms);
    f->progress.n_bars += s->result.n_wanted;
    return history_folder_of_series(o->market_folder, &wish->series, s->folder, &why);
}

static void free_fetch(history_fetch *f) {
    for (size_t i = 0; f->series && i < f->options.n_wishes; i++) span_list_free(&f->series[i].result.holes);
    free(f->series);
    free(f->page);
    free(f);
}

err history_fetch_start(const history_fetch_options *options, history_fetch **out) {
    history_fetch *f = calloc(1, sizeof *f);
    if (!f) return ERR_NO_MEMORY;
    f->options = *options;
    f->series = calloc(options->n_wishes + 1, sizeof *f->series);
    f->page = malloc((size_t)options->venue->page_bars * sizeof *f->page);
    err e = f->series && f->page ? OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < options->n_wishes && e == OK; i++) e = make_series(f, &f->series[i], &options->wishes[i]);
    if (e != OK) {
        free_fetch(f);
        return e;
    }
    f->progress.began_ms = monotonic_ms();
    for (int i = 0; i < N_JOBS; i++) {
        job *j = &f->jobs[i];
        j->owner = f;
        backoff_init(&j->retry, RETRY_BASE_MS, RETRY_CAP_MS, options->seed + (uint64_t)i);
        uv_timer_init(options->loop, &j->timer);
        j->timer.data = j;
    }
    uv_timer_init(options->loop, &f->pump);
    f->pump.data = f;
    f->n_timers = N_JOBS + 1;
    uv_timer_start(&f->pump, pump, 0, 0);
    *out = f;
    return OK;
}

static void count_down(history_fetch *f) {
    if (--f->n_timers == 0) free_fetch(f);
}

static void on_job_closed(uv_handle_t *handle) { count_down(((job *)handle->data)->owner); }
static void on_pump_closed(uv_handle_t *handle) { count_down(handle->data); }

void history_fetch_close(history_fetch *f) {
    for (int i = 0; i < N_JOBS; i++) uv_close((uv_handle_t *)&f->jobs[i].timer, on_job_closed);
    uv_close((uv_handle_t *)&f->pump, on_pump_closed);
}

const history_result *history_fetch_result(const history_fetch *f, size_t wish) { return &f->series[wish].result; }
const history_progress *history_fetch_progress(const history_fetch *f) { return &f->progress; }

/* Runs `pump` from the loop, soon. */
static void wake(history_fetch *f) { uv_timer_start(&f->pump, pump, 0, 0); }

void history_fetch_stop(history_fetch *f) {
    f->is_stopping = true;
    if (!f->is_done) wake(f);
}

/* ---- what goes wrong ---- */

/* All of it ends. */
static void give_up(history_fetch *f, const char *why) {
    if (!f->has_failed) (void)diag_set(&f->failure, ERR_IO, "%s", why);
    f->has_failed = true;
    wake(f);
}

/* Of one series. */
static void keep_error(job *j, const char *why) {
    history_result *r = &j->series->result;
    log_error("fetch", "%s", why);
    if (r->n_errors++ == 0) (void)diag_set(&r->error, ERR_IO, "%s", why);
}

/* ---- parts ---- */

static const char *name_of(const series *s) { return s->wish->series.symbol; }
static const char *interval_of(const series *s) { return interval_name(s->wish->series.interval); }

static void set_idle(job *j) {
    history_part_deinit(&j->part);
    span_list_free(&j->missing);
    j->series = NULL;
    j->rest_id = 0;
    j->dump = NULL;
    j->is_dirty = false;
    uv_timer_stop(&j->timer);
}

static err save(job *j) {
    diag why;
    if (!j->is_dirty) return OK;
    err e = history_folder_save(j->series->folder, &j->part, &why);
    j->is_dirty = false;
    j->n_pages = 0;
    j->saved_ms = monotonic_ms();
    if (e != OK) give_up(j->owner, why.text);
    return e;
}

static void finish_part(job *j) {
    if (save(j) == OK) wake(j->owner);
    set_idle(j);
}

/* The part of the series that holds `ms`, as it is on the disk. */
static err load_part(job *j, series *s, int64_t ms, diag *why) {
    diag aside;
    j->series = s;
    j->plan = (history_plan){.origin = j->owner->are_dumps_down ? HISTORY_REST : s->origin};
    j->n_failures = j->n_limited = j->n_pages = 0;
    j->n_left = -1;
    j->saved_ms = monotonic_ms();
    err e = history_folder_load(s->folder, j->owner->options.venue->name, &s->wish->series, ms, &j->part, &aside, why);
    if (*aside.text) log_warn("fetch", "%s, and fetched anew", aside.text);
    return e;
}

/* What is missing of the wish now; the difference is progress. */
static err account(job *j) {
    series *s = j->series;
    int64_t from_ms = s->from_ms > j->part.from_ms ? s->from_ms : j->part.from_ms, n_left = 0;
    int64_t to_ms = s->to_ms < j->part.to_ms ? s->to_ms : j->part.to_ms;
    span_list_free(&j->missing);
    err e = history_part_missing(&j->part, from_ms, to_ms, &j->missing);
    for (size_t i = 0; i < j->missing.count; i++)
        n_left += interval_count(j->part.interval, j->missing.items[i].from_ms, j->missing.items[i].to_ms);
    if (j->n_left < 0)
        j->n_left = interval_count(j->part.interval, history_first_open(j->part.interval, from_ms),
                                   history_first_open(j->part.interval, to_ms));
    s->result.n_left -= j->n_left - n_left;
    j->owner->progress.n_bars_done += j->n_left - n_left;
    j->n_left = n_left;
    return e;
}

/* Whether the first bar that was wished for is neither there nor known not to be. */
static bool begins_unknown(const job *j) {
    span_list missing = {0};
    int64_t from_ms = j->series->from_ms;
    bool is_so = history_part_missing(&j->part, from_ms, from_ms + 1, &missing) == OK && missing.count > 0;
    span_list_free(&missing);
    return is_so;
}

/* ---- work ---- */

/* The next part of the series, or its opening. */
static void take_part(job *j, series *s) {
    diag why;
    err e = load_part(j, s, s->next_ms > s->from_ms ? s->next_ms : s->from_ms, &why);
    if (e != OK) {
        set_idle(j);
        give_up(j->owner, why.text);
        return;
    }
    if (s->state == SERIES_CLOSED && s->origin != HISTORY_DUMPS && begins_unknown(j)) {
        s->state = SERIES_OPENING;
        ask_rest(j);
        return;
    }
    s->state = SERIES_OPEN;
    s->next_ms = j->part.to_ms;
    take_step(j);
}

static series *find_work(history_fetch *f) {
    for (size_t i = 0; i < f->options.n_wishes; i++) {
        series *s = &f->series[i];
        if (!s->is_given_up && s->state != SERIES_OPENING && s->next_ms < s->to_ms && s->from_ms < s->to_ms) return s;
    }
    return NULL;
}

/* What came is on the disk before anybody is told, unless the disk is what failed. */
static void drop_job(job *j) {
    if (j->rest_id) rest_cancel(j->owner->options.rest, j->rest_id);
    if (j->dump) dump_call_cancel(j->dump);
    (void)save(j);
    set_idle(j);
}

/* A symbol that REST does not know, and of which there are no dumps. */
static void check_unknown(series *s) {
    history_result *r = &s->result;
    if (!s->is_unknown || r->n_left < r->n_wanted || r->n_new > 0 || r->n_errors > 0) return;
    r->n_errors++;
    (void)diag_set(&r->error, ERR_NOT_FOUND, "%s: REST does not know this symbol, and there are no dumps of it",
                   name_of(s));
    log_error("fetch", "%s", r->error.text);
}

static void pump(uv_timer_t *timer) {
    history_fetch *f = timer->data;
    size_t n_busy = 0;
    bool is_ending = f->has_failed || f->is_stopping;
    if (f->is_done) return;
    for (int i = 0; i < N_JOBS; i++) {
        job *j = &f->jobs[i];
        if (is_ending && j->series) drop_job(j);
        if (!is_ending && !j->series && !f->has_failed) {
            series *s = find_work(f);
            if (s) take_part(j, s);
        }
        n_busy += j->series != NULL;
    }
    if (n_busy > 0 || (!is_ending && (find_work(f) || f->has_failed))) return;
    f->is_done = true;
    uv_timer_stop(&f->pump);
    for (size_t i = 0; i < f->options.n_wishes && !is_ending; i++) check_unknown(&f->series[i]);
    f->options.on_done(f->options.context, f->has_failed ? f->failure.text : NULL);
}

/* ---- steps ---- */

static void ask_dump(job *j) {
    history_fetch *f = j->owner;
    dump_name name;
    dump_options o = {.loop = f->options.loop,
                      .http = f->options.http,
                      .url = f->options.dumps_url,
                      .seed = f->options.seed + (uint64_t)j->step.from_ms,
                      .on_done = on_dump,
                      .context = j};
    dump_name_make(f->options.venue, name_of(j->series), j->part.interval, j->step.kind == HISTORY_STEP_MONTH,
                   j->step.from_ms, &name);
    err e = dump_call_start(&o, &name, &j->dump);
    if (e != OK) give_up(f, error_text(e));
}

/* A page of the step's range; of a series that is being opened, its first bar. */
static void ask_rest(job *j) {
    history_fetch *f = j->owner;
    const series *s = j->series;
    bool is_opening = s->state == SERIES_OPENING;
    int64_t from_ms = is_opening ? s->from_ms : j->step.from_ms, to_ms = is_opening ? s->to_ms : j->step.to_ms;
    int64_t n = is_opening ? 1 : interval_count(j->part.interval, from_ms, to_ms);
    int most = f->options.venue->page_bars;
    rest_page page = {.symbol = name_of(s),
                      .interval = j->part.interval,
                      .from_ms = from_ms,
                      .to_ms = to_ms,
                      .limit = n < most ? (int)n : most,
                      .class = WEIGHT_BULK};
    err e = rest_klines(f->options.rest, &page, is_opening ? on_first : on_page, j, &j->rest_id);
    if (e != OK) give_up(f, error_text(e));
}

static void on_due(uv_timer_t *timer) {
    job *j = timer->data;
    if (j->series) ask_rest(j);
}

static void take_step(job *j) {
    history_fetch *f = j->owner;
    if (account(j) != OK) {
        give_up(f, error_text(ERR_NO_MEMORY));
        return;
    }
    j->step = history_plan_next(&j->plan, &j->part, &j->missing, f->options.now_ms, f->options.venue->page_bars);
    switch (j->step.kind) {
    case HISTORY_STEP_MONTH:
    case HISTORY_STEP_DAY: ask_dump(j); return;
    case HISTORY_STEP_REST: ask_rest(j); return;
    case HISTORY_STEP_DONE:
    case HISTORY_STEP_LEFT: finish_part(j); return;
    }
}

/* ---- answers of REST ---- */

/* The series is not asked for any more; jobs on other parts of it end by themselves. */
static void give_up_series(job *j, const char *why) {
    keep_error(j, why);
    j->series->is_given_up = true;
    j->series->state = SERIES_OPEN;
    finish_part(j);
}

/* 429 and 418: the call that comes next is held until the pause is over. */
static void on_failure(job *j, const rest_answer *answer, const char *what) {
    history_fetch *f = j->owner;
    char why[1200];
    bool is_limit = answer->status == 429 || answer->status == 418;
    snprintf(why, sizeof why, "%s %s: %s", name_of(j->series), interval_of(j->series), what);
    if (answer->status == 400 || answer->status == 404) {
        give_up_series(j, why);
        return;
    }
    if (is_limit ? ++j->n_limited >= MOST_LIMITED : ++j->n_failures >= MOST_TRIES) {
        size_t bytes = strlen(why);
        snprintf(why + bytes, sizeof why - bytes, "; given up after %d tries", is_limit ? MOST_LIMITED : MOST_TRIES);
        give_up(f, why);
        return;
    }
    int64_t wait_ms = is_limit || answer->has_moved ? 0 : backoff_next_ms(&j->retry);
    if (!is_limit) log_warn("fetch", "%s; trying again in %.1f s", why, (double)wait_ms / 1000);
    uv_update_time(f->options.loop);
    uv_timer_start(&j->timer, on_due, (uint64_t)wait_ms, 0);
}

/* A page into f->page; false when it was a failure, which has been dealt with. */
static bool read_page(job *j, const rest_answer *answer, parse_page *out) {
    history_fetch *f = j->owner;
    diag why;
    j->rest_id = 0;
    if (answer->error) {
        on_failure(j, answer, answer->why ? answer->why : error_text(answer->error));
        return false;
    }
    f->progress.body_bytes += answer->body_bytes;
    err e = parse_klines(answer->body, answer->body_bytes, j->part.interval, f->options.now_ms, f->page,
                         (size_t)f->options.venue->page_bars, out, &why);
    if (e != OK) {
        on_failure(j, answer, why.text);
        return false;
    }
    j->n_failures = j->n_limited = 0;
    backoff_reset(&j->retry);
    j->series->result.n_refused += (int64_t)out->n_refused;
    return true;
}

/* Bars before `ms` are nobody's to ask for. */
static void skip_to(job *j, int64_t ms) {
    series *s = j->series;
    int64_t n = interval_count(j->part.interval, s->from_ms, ms);
    s->result.n_wanted -= n;
    s->result.n_left -= n;
    j->owner->progress.n_bars -= n;
    s->from_ms = s->result.first_ms = ms;
}

static void on_first(void *context, const rest_answer *answer) {
    job *j = context;
    series *s = j->series;
    parse_page page;
    if (answer->error && answer->code == INVALID_SYMBOL && s->origin == HISTORY_AUTO) {
        log_warn("fetch", "%s: REST does not know this symbol; looking for dumps of it", name_of(s));
        j->rest_id = 0;
        s->is_unknown = true;
        s->origin = j->plan.origin = HISTORY_DUMPS;
    } else {
        if (!read_page(j, answer, &page)) return;
        int64_t old_ms = s->from_ms, first_ms = page.n_closed > 0 ? j->owner->page[0].open_ms : s->to_ms;
        if (first_ms < old_ms || first_ms > s->to_ms || (page.n_closed == 0 && page.n_refused > 0)) first_ms = old_ms;
        skip_to(j, first_ms);
        if (first_ms >= j->part.to_ms || first_ms == s->to_ms) { /* nothing of this part */
            s->state = SERIES_OPEN;
            s->next_ms = first_ms == s->to_ms ? s->to_ms : history_period_floor(j->part.interval, first_ms);
            finish_part(j);
            return;
        }
        if (history_part_close(&j->part, old_ms, first_ms) != OK) give_up(j->owner, error_text(ERR_NO_MEMORY));
        j->is_dirty = first_ms > old_ms;
    }
    s->state = SERIES_OPEN;
    s->next_ms = j->part.to_ms;
    take_step(j);
}

/* What the answer does not have of [from_ms, to_ms) does not exist. */
static err note_holes(job *j, int64_t from_ms, int64_t to_ms) {
    span_list holes = {0};
    char from[TIME_TEXT_BYTES], to[TIME_TEXT_BYTES];
    err e = history_part_missing(&j->part, from_ms, to_ms, &holes);
    for (size_t i = 0; i < holes.count && e == OK; i++) {
        const span *h = &holes.items[i];
        time_text_format(h->from_ms, from);
        time_text_format(h->to_ms, to);
        log_info("fetch", "%s %s: the exchange has no bars from %s to %s (%" PRId64 ")", name_of(j->series),
                 interval_of(j->series), from, to, interval_count(j->part.interval, h->from_ms, h->to_ms));
        e = span_list_add(&j->series->result.holes, h->from_ms, h->to_ms);
    }
    if (e == OK) e = history_part_close(&j->part, from_ms, to_ms);
    span_list_free(&holes);
    return e;
}

static void count_bars(job *j, const history_change *change, bool is_of_dump) {
    history_result *r = &j->series->result;
    r->n_new += (int64_t)change->n_new;
    r->n_changed += (int64_t)change->n_changed;
    if (is_of_dump) r->n_from_dumps += (int64_t)change->n_new;
    j->owner->progress.n_new += change->n_new;
    j->is_dirty = true;
}

/* An answer has all bars up to its last one; only an empty one says that there are no more. Rows of which none is usable
 * are as good as absent. */
static int64_t covered_to(const job *j, const kline *bars, size_t n, size_t n_refused) {
    int64_t to_ms = j->step.to_ms;
    if (n > 0) to_ms = interval_next(j->part.interval, bars[n - 1].open_ms);
    if (n == 0 && n_refused > 0) to_ms = interval_add(j->part.interval, j->step.from_ms, (int64_t)n_refused);
    return to_ms < j->step.to_ms ? to_ms : j->step.to_ms;
}

static void on_page(void *context, const rest_answer *answer) {
    job *j = context;
    history_fetch *f = j->owner;
    parse_page page;
    history_change change;
    if (!read_page(j, answer, &page)) return;
    size_t first = 0, n = page.n_closed;
    while (first < n && f->page[first].open_ms < j->step.from_ms) first++;
    while (n > first && f->page[n - 1].open_ms >= j->step.to_ms) n--;
    if (n == first && page.n_bars > 0) {
        on_failure(j, answer, "none of the rows was asked for");
        return;
    }
    const kline *bars = f->page + first;
    n -= first;
    err e = history_part_add(&j->part, bars, n, &change);
    if (e == OK) e = note_holes(j, j->step.from_ms, covered_to(j, bars, n, page.n_refused));
    if (e != OK) {
        give_up(f, error_text(e));
        return;
    }
    count_bars(j, &change, false);
    bool is_due = ++j->n_pages >= SAVE_EVERY_PAGES || monotonic_ms() - j->saved_ms >= SAVE_EVERY_MS;
    if (is_due && save(j) != OK) return;
    take_step(j);
}

/* ---- answers of the dumps' host ---- */

static void take_dump(job *j, const dump_answer *answer) {
    const dump_notes *notes = answer->notes;
    history_result *r = &j->series->result;
    history_change change;
    err e = history_part_add(&j->part, answer->bars->bars, answer->bars->count, &change);
    if (e != OK) {
        give_up(j->owner, error_text(e));
        return;
    }
    if (notes->n_refused > 0)
        log_warn("fetch", "%s %s: %zu rows of a dump are no bars (the first in line %zu: found no %s)",
                 name_of(j->series), interval_of(j->series), notes->n_refused, notes->refused_line,
                 notes->refused_rule);
    r->n_refused += (int64_t)notes->n_refused;
    r->n_repeated += (int64_t)notes->n_repeated;
    j->owner->progress.body_bytes += answer->body_bytes;
    count_bars(j, &change, true);
    history_plan_note(&j->plan, &j->part, &j->step, true);
    if (save(j) == OK) take_step(j);
}

/* An archive that is not what its checksum says is an error, since nobody knows what it is. One that is, and that we
 * cannot read, and a host that does not answer, leave it to REST. */
static void on_dump(void *context, const dump_answer *answer) {
    job *j = context;
    history_fetch *f = j->owner;
    bool has_rest = j->plan.origin == HISTORY_AUTO;
    j->dump = NULL;
    switch (answer->error) {
    case OK: take_dump(j, answer); return;
    case ERR_NOT_FOUND: break;
    case ERR_NO_MEMORY: give_up(f, answer->why); return;
    case ERR_INVALID:
        keep_error(j, answer->why);
        finish_part(j);
        return;
    case ERR_SYNTAX:
    case ERR_UNSUPPORTED:
    case ERR_TOO_BIG:
        if (has_rest) log_warn("fetch", "%s; asking REST instead", answer->why);
        if (!has_rest) keep_error(j, answer->why);
        break;
    default:
        if (!has_rest) {
            give_up(f, answer->why);
            return;
        }
        if (!f->are_dumps_down) log_warn("fetch", "%s; from here on REST alone is asked", answer->why);
        f->are_dumps_down = true;
        j->plan.origin = HISTORY_REST;
    }
    history_plan_note(&j->plan, &j->part, &j->step, false);
    take_step(j);
}
