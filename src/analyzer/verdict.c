/* See verdict.h.
 *
 *   side ──► entry ──► stop ──► targets ──► risk/reward         each may end in: no trade, and why
 *
 * A long and a short are the same sums with the sign turned: `toward` is how far a level lies in the direction of profit. */
#include "analyzer/verdict.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct check {
    const scene *scene;
    const opinion *opinion;
    verdict *out;
    double unit; /* one ATR, or what stands for it */
    bool has_failed;
} check;

__attribute__((format(printf, 2, 3))) static void note(check *c, const char *format, ...) {
    va_list args;
    if (c->out->n_notes == VERDICT_NOTES) return;
    va_start(args, format);
    vsnprintf(c->out->notes[c->out->n_notes++], NOTE_BYTES, format, args);
    va_end(args);
}

/* No trade can be made of the levels. The last place is kept for this note. */
__attribute__((format(printf, 2, 3))) static void fail(check *c, const char *format, ...) {
    va_list args;
    if (c->has_failed) return;
    c->has_failed = true;
    if (c->out->n_notes == VERDICT_NOTES) c->out->n_notes--;
    va_start(args, format);
    vsnprintf(c->out->notes[c->out->n_notes++], NOTE_BYTES, format, args);
    va_end(args);
}

static double direction(const check *c) { return c->out->side == SIDE_SHORT ? -1 : 1; }
static double toward(const check *c, double level, double from) { return (level - from) * direction(c); }

/* A tick such as 0.01 is no binary fraction; its decimal is what an exchange takes, and so is that of a multiple. */
static double round_to_tick(const check *c, double price) {
    double tick = c->scene->tick_size, n, decimals;
    if (!(tick > 0)) return price;
    n = round(price / tick);
    decimals = round(1 / tick);
    return fabs(decimals * tick - 1) < 1e-9 ? n / decimals : n * tick;
}

static double rounded(check *c, const char *what, double price) {
    double nearest = round_to_tick(c, price);
    if (fabs(nearest - price) > 1e-9 * price)
        note(c, "%s %.12g is no multiple of the tick: %.12g", what, price, nearest);
    return nearest;
}

static void check_side(check *c) {
    static const char *const names[] = {"none", "long", "short"};
    c->out->side = c->opinion->side;
    if (c->scene->side == SIDE_NONE || c->opinion->side == c->scene->side) {
        if (c->opinion->side == SIDE_NONE) fail(c, "no side is named");
    } else if (c->opinion->side == SIDE_NONE) {
        c->out->side = c->scene->side;
        note(c, "no side is named: that of the signal, %s", names[c->scene->side]);
    } else {
        fail(c, "the side is %s, but the signal is %s", names[c->opinion->side], names[c->scene->side]);
    }
}

static void check_entry(check *c) {
    double entry = c->opinion->entry;
    if (isnan(entry)) {
        entry = c->scene->price;
        note(c, "no entry is named: the price of the signal");
    }
    entry = rounded(c, "entry", entry);
    if (!(entry > 0))
        fail(c, "the entry is less than a tick");
    else if (fabs(entry - c->scene->price) > ENTRY_MAX_ATR * c->unit)
        fail(c, "the entry %.12g is %.1f ATR from the price %.12g, more than %g", entry,
             fabs(entry - c->scene->price) / c->unit, c->scene->price, ENTRY_MAX_ATR);
    c->out->entry = entry;
}

static double default_stop(check *c) {
    if (!isnan(c->scene->stop)) {
        note(c, "no stop is named: that of the signal");
        return c->scene->stop;
    }
    if (!isnan(c->scene->stop_pct)) note(c, "no stop is named: risk.stop_pct of the trader");
    return c->out->entry * (1 - direction(c) * c->scene->stop_pct / 100);
}

static void check_stop(check *c) {
    double stop = isnan(c->opinion->stop) ? default_stop(c) : c->opinion->stop, distance;
    if (isnan(stop)) {
        fail(c, "no stop is named");
        return;
    }
    stop = rounded(c, "stop", stop);
    distance = -toward(c, stop, c->out->entry);
    if (!(stop > 0) || distance <= 0)
        fail(c, "the stop %.12g is on the wrong side of the entry %.12g of a %s", stop, c->out->entry,
             c->out->side == SIDE_SHORT ? "short" : "long");
    else if (distance < STOP_MIN_ATR * c->unit)
        fail(c, "the stop is %.2f ATR from the entry, less than %g: noise reaches it", distance / c->unit,
             STOP_MIN_ATR);
    else if (distance > STOP_MAX_ATR * c->unit)
        fail(c, "the stop is %.1f ATR from the entry, more than %g", distance / c->unit, STOP_MAX_ATR);
    c->out->stop = stop;
}

static void insert(level_list *list, double level, double sign) {
    int32_t i = list->count++;
    for (; i > 0 && (list->at[i - 1] - level) * sign > 0; i--) list->at[i] = list->at[i - 1];
    list->at[i] = level;
}

static bool holds(const level_list *list, double level) {
    for (int32_t i = 0; i < list->count; i++)
        if (list->at[i] == level) return true;
    return false;
}

/* Nearest first; those that cannot be are left out. */
static void take_targets(check *c, const level_list *from) {
    level_list *out = &c->out->targets;
    for (int32_t i = 0; i < from->count; i++) {
        double level = rounded(c, "target", from->at[i]), distance = toward(c, level, c->out->entry);
        if (!(level > 0) || distance <= 0)
            note(c, "the target %.12g is on the wrong side of the entry: left out", level);
        else if (distance > TARGET_MAX_ATR * c->unit)
            note(c, "the target %.12g is %.1f ATR from the entry, more than %g: left out", level, distance / c->unit,
                 TARGET_MAX_ATR);
        else if (!holds(out, level))
            insert(out, level, direction(c));
    }
}

static bool is_sorted(const check *c, const level_list *list) {
    for (int32_t i = 1; i < list->count; i++)
        if (toward(c, list->at[i], list->at[i - 1]) < 0) return false;
    return true;
}

static void check_targets(check *c) {
    take_targets(c, &c->opinion->targets);
    if (!is_sorted(c, &c->opinion->targets)) note(c, "the targets are put in order");
    if (c->out->targets.count) return;
    take_targets(c, &c->scene->targets);
    if (c->out->targets.count) {
        note(c, "no target is left: those of the signal");
        return;
    }
    if (!isnan(c->scene->target_pct)) {
        level_list own = {.count = 1, .at = {c->out->entry * (1 + direction(c) * c->scene->target_pct / 100)}};
        take_targets(c, &own);
        note(c, "no target is left: risk.target_pct of the trader");
    }
    if (!c->out->targets.count) fail(c, "no target is left");
}

/* Of the nearest target. What the model says of it is compared, and never kept. */
static void compute_risk_reward(check *c) {
    verdict *v = c->out;
    double own = c->opinion->risk_reward;
    v->risk_reward = fabs(v->targets.at[0] - v->entry) / fabs(v->entry - v->stop);
    if (!isnan(own) && fabs(own - v->risk_reward) > 0.1 * v->risk_reward)
        note(c, "risk/reward is %.2f by the levels, not %.2f", v->risk_reward, own);
}

static void take_levels(check *c, const char *what, const level_list *from, level_list *out) {
    for (int32_t i = 0; i < from->count; i++) {
        double level = round_to_tick(c, from->at[i]);
        if (!(level > 0) || fabs(level - c->scene->price) > LEVEL_MAX_ATR * c->unit)
            note(c, "%s %.12g is more than %g ATR from the price: left out", what, level, LEVEL_MAX_ATR);
        else if (!holds(out, level))
            insert(out, level, 1);
    }
}

static void clear_trade(verdict *v) {
    v->entry = v->stop = v->risk_reward = NAN;
    v->targets.count = 0;
}

/* An opinion that is no entry may leave levels out. */
static bool names_trade(const opinion *o) { return !isnan(o->entry) || !isnan(o->stop) || o->targets.count > 0; }

void verdict_make(const opinion *o, const scene *s, verdict *v) {
    check c = {.scene = s, .opinion = o, .out = v, .unit = s->atr > 0 ? s->atr : s->price / 100};
    void (*const steps[])(check *) = {check_side, check_entry, check_stop, check_targets, compute_risk_reward};
    *v = (verdict){.decision = o->decision, .confidence = o->confidence, .side = o->side};
    clear_trade(v);
    take_levels(&c, "support", &o->support, &v->support);
    take_levels(&c, "resistance", &o->resistance, &v->resistance);
    if (o->decision != DECISION_ENTER && !names_trade(o)) return;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !c.has_failed; i++) steps[i](&c);
    if (!c.has_failed) return;
    clear_trade(v);
    if (o->decision != DECISION_ENTER) return;
    v->decision = DECISION_WAIT;
    v->is_lowered = true;
}

static void write_list(json_writer *w, const char *key, const level_list *list) {
    json_write_key(w, key);
    json_write_array(w);
    for (int32_t i = 0; i < list->count; i++) json_write_number(w, list->at[i]);
    json_write_array_end(w);
}

void verdict_write_levels(json_writer *w, const verdict *v) {
    json_write_object(w);
    json_put_number(w, "entry", v->entry);
    json_put_number(w, "stopLoss", v->stop);
    write_list(w, "takeProfit", &v->targets);
    write_list(w, "support", &v->support);
    write_list(w, "resistance", &v->resistance);
    json_write_object_end(w);
}

void verdict_write_notes(json_writer *w, const verdict *v) {
    json_write_array(w);
    for (int32_t i = 0; i < v->n_notes; i++) json_write_text(w, v->notes[i]);
    json_write_array_end(w);
}
