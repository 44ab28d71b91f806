#include "sim/random_faults.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* $s: seconds, $r: a few requests, $n: a few bars, $t: an endpoint's words, $c: connections, $y: symbols. */
static const char *const patterns[] = {
    "drop $c",
    "drop $c for $s",
    "silence $c for $s",
    "half-open $c for $s",
    "shutdown $c after $s",
    "gap $y $n bars",
    "no-close $y $n bars",
    "correct $y $n bars",
    "duplicate $y for $s",
    "reorder $y for $s",
    "malformed random $c",
    "rest 429 $t for $r requests for $s",
    "rest 418 $t for $r requests for $s",
    "rest 403 $t for $r requests for $s",
    "rest 500 $t for $r requests for $s",
    "rest 503 $t for $r requests for $s",
    "rest cut $t for $r requests for $s",
    "rest slow 700ms $t for $r requests for $s",
    "skew 2s for $s",
    "skew -2s for $s",
};
enum { N_PATTERNS = sizeof patterns / sizeof patterns[0] };

/* splitmix64 */
static uint32_t draw(random_faults *r, uint32_t n) {
    uint64_t z = r->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static void plan(random_faults *r, int64_t from_ms) {
    int64_t half_ms = r->every_ms / 2;
    r->next_ms = from_ms + half_ms + (int64_t)draw(r, (uint32_t)(half_ms / 1000 * 2 + 1)) * 1000;
    if (r->end_ms != INT64_MAX && r->next_ms > r->end_ms - RANDOM_FAULTS_CALM_MS) r->next_ms = INT64_MAX;
}

void random_faults_init(random_faults *r, uint64_t seed, int64_t every_ms, int64_t start_ms, int64_t end_ms,
                        int n_hosts) {
    *r = (random_faults){.random = seed, .every_ms = every_ms, .end_ms = end_ms, .n_hosts = n_hosts};
    plan(r, start_ms);
}

int64_t random_faults_next_ms(const random_faults *r) { return r->next_ms; }

static void add_word(random_faults *r, char which, char *out, size_t room) {
    static const char *const endpoints[] = {"", "to klines", "to exchangeInfo", "to ticker"};
    switch (which) {
    case 's': snprintf(out, room, "%us", 5 + draw(r, 176)); break;
    case 'r': snprintf(out, room, "%u", 1 + draw(r, 5)); break;
    case 'n': snprintf(out, room, "%u", 1 + draw(r, 5)); break;
    case 't': snprintf(out, room, "%s", endpoints[draw(r, 4)]); break;
    case 'c': snprintf(out, room, "%s", draw(r, 3) == 0 ? "all" : "random"); break;
    default: snprintf(out, room, "%s", draw(r, 5) == 0 ? "all" : "random"); break;
    }
}

bool random_faults_take(random_faults *r, int64_t now_ms, scene_event *out) {
    char line[SCENE_TEXT_BYTES] = "";
    diag why;
    if (r->next_ms > now_ms) return false;
    for (const char *at = patterns[draw(r, N_PATTERNS)]; *at; at++) {
        size_t bytes = strlen(line);
        if (*at == '$')
            add_word(r, *++at, line + bytes, sizeof line - bytes);
        else
            snprintf(line + bytes, sizeof line - bytes, "%c", *at);
    }
    plan(r, r->next_ms);
    err e = scene_parse_command(line, out, &why);
    assert(e == OK);
    return e == OK;
}
