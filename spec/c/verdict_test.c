/* Levels of a model, checked: what is right stays, what can be corrected is, and anything else is no trade. Each case as a
 * long and, mirrored at the price, as a short. Then random opinions: whatever a verdict shows keeps the rules. */
#include "analyzer/verdict.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { RANDOM_OPINIONS = 200000 };

/* A long at 100 with an ATR of 2; of a short the levels are mirrored. */
static bool is_short;
static double at(double level) { return is_short && !isnan(level) ? 200 - level : level; }

static level_list levels(int32_t n, double a, double b, double c) {
    return (level_list){.count = n, .at = {at(a), at(b), at(c)}};
}

static scene market(void) {
    return (scene){.price = 100,
                   .tick_size = 0.01,
                   .atr = 2,
                   .side = is_short ? SIDE_SHORT : SIDE_LONG,
                   .stop = NAN,
                   .stop_pct = NAN,
                   .target_pct = NAN};
}

static opinion trade(double entry, double stop) {
    return (opinion){.decision = DECISION_ENTER,
                     .side = is_short ? SIDE_SHORT : SIDE_LONG,
                     .confidence = 70,
                     .entry = at(entry),
                     .stop = at(stop),
                     .targets = levels(2, 104, 106, 0),
                     .risk_reward = NAN};
}

static const char *side(void) { return is_short ? "short" : "long"; }

static bool has_note(const verdict *v, const char *text) {
    for (int32_t i = 0; i < v->n_notes; i++)
        if (strstr(v->notes[i], text)) return true;
    for (int32_t i = 0; i < v->n_notes; i++) printf("# note: %s\n", v->notes[i]);
    return false;
}

static bool is_lowered(const opinion *o, const scene *s, const char *why) {
    verdict v;
    verdict_make(o, s, &v);
    return v.decision == DECISION_WAIT && v.is_lowered && isnan(v.entry) && isnan(v.stop) && isnan(v.risk_reward) &&
           v.targets.count == 0 && v.confidence == 70 && v.n_notes > 0 && has_note(&v, why) &&
           strstr(v.notes[v.n_notes - 1], why);
}

static void test_right(void) {
    opinion o = trade(100, 98);
    scene s = market();
    verdict v;
    o.support = levels(2, 97, 95, 0);
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && !v.is_lowered && v.n_notes == 0, "%s: right levels stay", side());
    ok(v.entry == at(100) && v.stop == at(98) && v.targets.count == 2 && v.targets.at[0] == at(104), "%s: as they are",
       side());
    ok(fabs(v.risk_reward - 2) < 1e-12, "%s: risk/reward is that of the nearest target", side());
    ok(v.support.count == 2 && v.support.at[0] < v.support.at[1], "%s: support, lowest first", side());
}

static void test_lowered(void) {
    scene s = market();
    opinion o = trade(100, 101);
    ok(is_lowered(&o, &s, "wrong side of the entry"), "%s: a stop on the wrong side", side());
    o = trade(100, 100);
    ok(is_lowered(&o, &s, "wrong side of the entry"), "%s: a stop at the entry", side());
    o = trade(100, 99.7);
    ok(is_lowered(&o, &s, "0.15 ATR from the entry, less than 0.2"), "%s: a stop within the noise", side());
    o = trade(100, 80);
    ok(is_lowered(&o, &s, "10.0 ATR from the entry, more than 8"), "%s: a stop far away", side());
    o = trade(107, 104);
    ok(is_lowered(&o, &s, "3.5 ATR from the price"), "%s: an entry far from the price", side());
    o = trade(100, NAN);
    ok(is_lowered(&o, &s, "no stop is named"), "%s: no stop, and nothing to take one from", side());
    o = trade(100, 98);
    o.targets = levels(2, 99, 90, 0);
    ok(is_lowered(&o, &s, "no target is left"), "%s: targets on the wrong side only", side());
    o.targets.count = 0;
    ok(is_lowered(&o, &s, "no target is left"), "%s: no target", side());
    o = trade(100, 98);
    o.side = is_short ? SIDE_LONG : SIDE_SHORT;
    ok(is_lowered(&o, &s, "but the signal is"), "%s: the other side than that of the signal", side());
    o = trade(100, 98);
    o.side = s.side = SIDE_NONE;
    ok(is_lowered(&o, &s, "no side is named"), "%s: no side at all", side());
    s = market();
    s.tick_size = 5;
    o = trade(100, 98);
    ok(is_lowered(&o, &s, "wrong side of the entry"), "%s: a stop that rounding puts at the entry", side());
}

static void test_corrected(void) {
    scene s = market();
    opinion o = trade(100.003, 98.0049);
    verdict v;
    o.targets = levels(3, 106, 104, 106.001);
    o.risk_reward = 9;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.entry == 100 && v.stop == (is_short ? 102 : 98),
       "%s: levels are rounded to the tick", side());
    ok(v.targets.count == 2 && v.targets.at[0] == at(104) && v.targets.at[1] == at(106),
       "%s: targets are sorted, each once", side());
    ok(has_note(&v, "put in order") && has_note(&v, "no multiple of the tick"), "%s: with notes", side());
    ok(fabs(v.risk_reward - 2) < 1e-12 && has_note(&v, "risk/reward is 2.00 by the levels, not 9.00"),
       "%s: risk/reward is computed, not believed", side());
    o = trade(100, 98);
    o.targets = levels(3, 99, 104, 160);
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.targets.count == 1 && v.targets.at[0] == at(104),
       "%s: targets that cannot be are left out", side());
    ok(has_note(&v, "wrong side of the entry: left out") && has_note(&v, "30.0 ATR from the entry"), "%s: with notes",
       side());
    o = trade(NAN, 98);
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.entry == 100 && has_note(&v, "the price of the signal"),
       "%s: the entry is the price", side());
    o = trade(100, 98);
    o.side = SIDE_NONE;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.side == s.side && has_note(&v, "that of the signal"),
       "%s: the side is the signal's", side());
    o = trade(100, 98);
    o.support = (level_list){.count = 2, .at = {97.123, 500}};
    verdict_make(&o, &s, &v);
    ok(v.support.count == 1 && v.support.at[0] == 97.12 && has_note(&v, "support 500"),
       "%s: support that cannot be is left out", side());
}

static void test_defaults(void) {
    scene s = market();
    opinion o = trade(100, NAN);
    verdict v;
    s.stop = at(97);
    s.targets = levels(1, 105, 0, 0);
    o.targets.count = 0;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.stop == at(97) && v.targets.at[0] == at(105),
       "%s: stop and targets of the filter", side());
    s = market();
    s.stop_pct = 2;
    s.target_pct = 4;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER && v.stop == at(98) && v.targets.at[0] == at(104), "%s: stop and target by risk",
       side());
    s.stop = at(101);
    ok(is_lowered(&o, &s, "wrong side"), "%s: also these are checked", side());
    s = market();
    s.atr = NAN;
    o = trade(100, 98.5);
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_ENTER, "%s: without an ATR a hundredth of the price stands for it", side());
    o = trade(100, 90);
    ok(is_lowered(&o, &s, "10.0 ATR"), "%s: and bounds the stop", side());
}

static void test_others(void) {
    scene s = market();
    opinion o = trade(100, 101);
    verdict v;
    o.decision = DECISION_WAIT;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_WAIT && !v.is_lowered && isnan(v.entry) && has_note(&v, "wrong side"),
       "%s: bad levels of a wait are not shown", side());
    o = trade(102, 99);
    o.decision = DECISION_WAIT;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_WAIT && v.entry == at(102) && v.stop == at(99), "%s: good ones are", side());
    o = trade(NAN, NAN);
    o.targets.count = 0;
    o.decision = DECISION_REJECT;
    o.side = SIDE_NONE;
    verdict_make(&o, &s, &v);
    ok(v.decision == DECISION_REJECT && v.n_notes == 0, "%s: a rejection needs none", side());
}

/* ---- random opinions ---- */

static double random_level(double price) {
    double u = uniform();
    if (u < 0.1) return NAN;
    if (u < 0.15) return price * pow(10, 20 * uniform() - 10);
    return price * (1 + (uniform() - 0.5) * (u < 0.6 ? 0.1 : 1));
}

static level_list random_levels(double price) {
    level_list l = {.count = below(OPINION_LEVELS + 1)};
    for (int32_t i = 0; i < l.count; i++) {
        l.at[i] = random_level(price);
        if (isnan(l.at[i])) l.at[i] = price;
    }
    return l;
}

static bool is_multiple(double level, double tick) {
    return tick == 0 || fabs(level / tick - round(level / tick)) < 1e-6 * fmax(1, level / tick);
}

static bool keeps_rules(const verdict *v, const scene *s, const opinion *o) {
    double unit = s->atr > 0 ? s->atr : s->price / 100, sign = v->side == SIDE_SHORT ? -1 : 1, slack = 1e-9 * s->price;
    if (o->decision != DECISION_ENTER && v->decision != o->decision) return false;
    if (v->decision == DECISION_REJECT && o->decision != DECISION_REJECT) return false;
    if (isnan(v->entry))
        return v->decision != DECISION_ENTER && isnan(v->stop) && v->targets.count == 0 && isnan(v->risk_reward);
    if (v->side == SIDE_NONE || (s->side != SIDE_NONE && v->side != s->side) || v->targets.count < 1) return false;
    if (!(v->stop > 0) || !(v->entry > 0) || (v->entry - v->stop) * sign <= 0) return false;
    if (!is_multiple(v->entry, s->tick_size) || !is_multiple(v->stop, s->tick_size)) return false;
    if (fabs(v->entry - v->stop) > STOP_MAX_ATR * unit + slack ||
        fabs(v->entry - v->stop) < STOP_MIN_ATR * unit - slack)
        return false;
    for (int32_t i = 0; i < v->targets.count; i++) {
        double from = i ? v->targets.at[i - 1] : v->entry;
        if ((v->targets.at[i] - from) * sign <= 0 || !is_multiple(v->targets.at[i], s->tick_size)) return false;
    }
    return fabs(v->risk_reward - (v->targets.at[0] - v->entry) / (v->entry - v->stop)) < 1e-9 * v->risk_reward;
}

static void test_random(void) {
    static const double ticks[] = {0, 0.01, 0.00000001, 0.5, 0.025};
    int n_bad = 0, n_entered = 0;
    random_state = tap_seed((uint64_t)time(NULL) * 2 + 1) | 1;
    for (int i = 0; i < RANDOM_OPINIONS && n_bad < 3; i++) {
        double price = pow(10, 8 * uniform() - 3);
        scene s = {.price = price,
                   .tick_size = ticks[below(5)],
                   .atr = uniform() < 0.1 ? NAN : price * uniform() / 10,
                   .side = (signal_side)below(3),
                   .stop = random_level(price),
                   .targets = random_levels(price),
                   .stop_pct = uniform() < 0.5 ? NAN : 10 * uniform(),
                   .target_pct = uniform() < 0.5 ? NAN : 20 * uniform()};
        opinion o = {.decision = (decision)below(3),
                     .side = (signal_side)below(3),
                     .confidence = 100 * uniform(),
                     .entry = random_level(price),
                     .stop = random_level(price),
                     .targets = random_levels(price),
                     .support = random_levels(price),
                     .resistance = random_levels(price),
                     .risk_reward = 5 * uniform()};
        verdict v;
        verdict_make(&o, &s, &v);
        n_entered += v.decision == DECISION_ENTER;
        if (keeps_rules(&v, &s, &o)) continue;
        n_bad++;
        printf("# opinion %d: side %d of %d, price %.12g tick %g atr %g: entry %.12g stop %.12g first target %.12g\n",
               i, (int)o.side, (int)s.side, s.price, s.tick_size, s.atr, v.entry, v.stop,
               v.targets.count ? v.targets.at[0] : NAN);
    }
    ok(n_bad == 0, "%d random opinions: what is shown keeps the rules", RANDOM_OPINIONS);
    ok(n_entered > RANDOM_OPINIONS / 200, "and %d of them are trades", n_entered);
}

int main(void) {
    for (int k = 0; k < 2; k++) {
        is_short = k == 1;
        test_right();
        test_lowered();
        test_corrected();
        test_defaults();
        test_others();
    }
    test_random();
    return done();
}
