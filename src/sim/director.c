#include "sim/director.h"
#include "base/json_writer.h"
#include "market/interval.h"
#include <stdio.h>
#include <string.h>

static void begin(director *d, const fault *f);
static void end(director *d, const fault *f, int64_t now_ms);
static void print_event(const char *event, int64_t at_ms);
static void print_line(json_writer *w);

static bool is_delisted_before(const scene *s, size_t list) {
    for (size_t i = 0; i < s->count; i++)
        if (s->events[i].kind == SCENE_DELIST && strcmp(s->events[i].symbol, s->events[list].symbol) == 0) return true;
    return false;
}

void director_prepare(director *d, const scene *s) {
    for (size_t i = 0; i < s->count; i++) {
        const scene_event *event = &s->events[i];
        uint32_t symbol;
        if (event->kind != SCENE_LIST || event->target != TARGET_SYMBOL || is_delisted_before(s, i)) continue;
        if (source_find(d->source, event->symbol, strlen(event->symbol), &symbol) == OK)
            source_set_hidden(d->source, symbol, true);
    }
}

int64_t director_next_ms(const director *d) {
    int64_t next_ms = faults_next_ms(d->faults), random_ms = d->random ? random_faults_next_ms(d->random) : INT64_MAX;
    int64_t closing_ms = d->server ? server_next_ms(d->server) : INT64_MAX;
    if (random_ms < next_ms) next_ms = random_ms;
    return closing_ms < next_ms ? closing_ms : next_ms;
}

bool director_expects_bars(const director *d, int64_t to_ms) { return faults_expects_listing(d->faults, to_ms); }

void director_step(director *d, int64_t now_ms) {
    fault f;
    bool is_over;
    scene_event event;
    while (d->random && random_faults_take(d->random, now_ms, &event))
        if (faults_begin(d->faults, &event, now_ms, &f, NULL) == OK) begin(d, &f);
    while (faults_take(d->faults, now_ms, &f, &is_over)) {
        if (is_over)
            end(d, &f, now_ms);
        else
            begin(d, &f);
    }
    if (d->server) server_pass(d->server, now_ms);
}

void director_command(director *d, const char *line, int64_t now_ms) {
    scene_event event;
    fault f;
    diag why = {{0}};
    err e = scene_parse_command(line, &event, &why);
    if (e == OK) e = faults_begin(d->faults, &event, now_ms, &f, &why);
    if (e == OK) {
        begin(d, &f);
        if (d->server) server_pass(d->server, now_ms);
        return;
    }
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "event", "refused");
    json_put_text(&w, "line", line);
    json_put_text(&w, "why", why.text);
    print_line(&w);
}

void director_end(director *d, int64_t now_ms) {
    fault f;
    faults_stop(d->faults);
    d->random = NULL;
    while (faults_clear(d->faults, &f)) end(d, &f, now_ms);
    print_event("market_ended", now_ms);
}

void director_delivered(director *d, int64_t now_ms) {
    (void)d;
    print_event("delivered", now_ms);
}

/* ---- telling ---- */

static void print_line(json_writer *w) {
    json_write_object_end(w);
    const char *text = json_writer_text(w);
    if (text) puts(text);
    fflush(stdout);
    json_writer_deinit(w);
}

static void print_event(const char *event, int64_t at_ms) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "event", event);
    json_put_integer(&w, "at", at_ms);
    print_line(&w);
}

static void tell(const director *d, const fault *f, const char *event, int64_t at_ms, size_t n_met) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "event", event);
    json_put_integer(&w, "at", at_ms);
    json_write_key(&w, "until");
    if (f->until_ms == INT64_MAX)
        json_write_null(&w);
    else
        json_write_integer(&w, f->until_ms);
    json_put_text(&w, "kind", scene_kind_name(f->what.kind));
    json_put_text(&w, "what", f->what.text);
    if (f->has_symbol) json_put_text(&w, "symbol", source_at(d->source, f->symbol)->info.name);
    json_put_integer(&w, "from", f->start_ms);
    json_put_integer(&w, "met", (int64_t)n_met);
    if (f->what.line > 0) json_put_integer(&w, "line", f->what.line);
    print_line(&w);
}

/* ---- doing ---- */

static void keep_first(director *d, err e) {
    if (d->error == OK) d->error = e;
}

/* The first whole base bar from now on. */
static int64_t next_bar_ms(const director *d, uint32_t symbol, int64_t ms) {
    enum interval base = source_at(d->source, symbol)->base;
    int64_t floor_ms = interval_floor(base, ms);
    return floor_ms < ms ? interval_next(base, floor_ms) : floor_ms;
}

static err change_symbol(director *d, const fault *f, uint32_t symbol) {
    err e = OK;
    switch (f->what.kind) {
    case SCENE_HOLE: e = source_add_hole(d->source, symbol, f->start_ms, f->until_ms); break;
    case SCENE_DELIST: e = source_set_trading(d->source, symbol, false, next_bar_ms(d, symbol, f->at_ms)); break;
    case SCENE_LIST:
        source_set_hidden(d->source, symbol, false);
        e = source_set_trading(d->source, symbol, true, next_bar_ms(d, symbol, f->at_ms));
        break;
    default: return OK;
    }
    return e == OK ? tape_reload(d->tape, symbol, f->at_ms) : e;
}

static void begin(director *d, const fault *f) {
    size_t n_met = d->server ? server_begin_fault(d->server, f) : 0;
    for (uint32_t i = 0; i < source_count(d->source); i++)
        if (!f->has_symbol || f->symbol == i) keep_first(d, change_symbol(d, f, i));
    tell(d, f, "fault", f->at_ms, n_met);
    if (f->what.kind != SCENE_CLEAR) return;
    fault other;
    while (faults_clear(d->faults, &other)) end(d, &other, f->at_ms);
}

static void end(director *d, const fault *f, int64_t now_ms) {
    if (d->server) server_end_fault(d->server, f);
    tell(d, f, "fault_over", now_ms, 0);
}
