/* What a connection carries and what it should: chunks, live changes, and random histories against the obvious model. */
#include "base/json_reader.h"
#include "binance/topics.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { N_SYMBOLS = 300 };

static symbol_table *table;

static void make_table(void) {
    uint32_t id;
    if (symbol_table_new(&table)) abort();
    for (int i = 0; i < N_SYMBOLS; i++) {
        symbol_info info = {0};
        snprintf(info.name, sizeof info.name, i == 7 ? "\"ODD\\%dUSDT" : "SYM%dUSDT", i);
        if (symbol_table_add(table, &info, &id) || id != (uint32_t)i) abort();
    }
}

/* The exchange's side: which names are subscribed. */
typedef struct server {
    char names[2048][TOPIC_NAME_BYTES];
    size_t n;
} server;

static bool has(const server *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0) return true;
    return false;
}

/* Obeys a command; the number of names in it, 0 when it is malformed or makes no sense. */
static size_t obey(server *s, const char *text, size_t bytes, bool *is_join) {
    json_reader r;
    json_slice key, value;
    size_t n = 0;
    int64_t id;
    json_reader_init(&r, text, bytes);
    if (!json_enter_object(&r)) return 0;
    while (json_next_key(&r, &key)) {
        if (json_equals(key, "method")) {
            json_string(&r, &value);
            *is_join = json_equals(value, "SUBSCRIBE");
            if (!*is_join && !json_equals(value, "UNSUBSCRIBE")) return 0;
        } else if (json_equals(key, "id")) {
            json_int64(&r, &id);
        } else if (json_enter_array(&r)) {
            while (json_next_item(&r) && json_string(&r, &value)) {
                char name[TOPIC_NAME_BYTES];
                snprintf(name, sizeof name, "%.*s", (int)value.bytes, value.at);
                if (has(s, name) == *is_join) return 0; /* asked for twice, or never had */
                if (*is_join) {
                    strcpy(s->names[s->n++], name);
                } else {
                    size_t at = 0;
                    while (strcmp(s->names[at], name) != 0) at++;
                    memmove(s->names[at], s->names[--s->n], sizeof *s->names);
                }
                n++;
            }
        }
    }
    return json_finish(&r) ? n : 0;
}

typedef struct tally {
    size_t n_commands, n_names, most_names, most_bytes;
    bool all_sound;
} tally;

/* Lets commands through until there is none left. */
static tally settle(topics *t, server *s) {
    tally sum = {.all_sound = true};
    json_writer w;
    bool is_join;
    while (topics_has_work(t)) {
        json_writer_init(&w);
        bool made = topics_command(t, (int64_t)sum.n_commands + 1, &w);
        size_t n = made ? obey(s, w.text, w.bytes, &is_join) : 0;
        sum.all_sound &= n > 0 && n <= TOPICS_COMMAND_NAMES && w.bytes < TOPICS_COMMAND_BYTES && !topics_has_work(t);
        sum.n_commands++;
        sum.n_names += n;
        if (n > sum.most_names) sum.most_names = n;
        if (w.bytes > sum.most_bytes) sum.most_bytes = w.bytes;
        json_writer_deinit(&w);
        topics_answer(t, true);
        if (!sum.all_sound) break;
    }
    return sum;
}

static bool agrees(const topics *t, const server *s) {
    topics_counts counts = topics_count(t);
    if (counts.n_carried != s->n || counts.n_wanted != s->n || counts.n_asked != 0) return false;
    for (uint32_t symbol = 0; symbol < N_SYMBOLS; symbol++)
        for (uint8_t what = 0; what < N_TOPIC_KINDS; what++) {
            char name[TOPIC_NAME_BYTES], escaped[TOPIC_NAME_BYTES + 8];
            if (symbol == 7) continue; /* its name has escapes on the wire */
            topic_name(table, (topic){symbol, what}, name);
            snprintf(escaped, sizeof escaped, "%s", name);
            if (has(s, escaped) != topics_is_wanted(t, symbol, what)) return false;
        }
    return true;
}

static void test_chunks(void) {
    static topic wanted[1100];
    static server s;
    topics *t;
    if (topics_new(table, &t)) abort();
    for (size_t i = 0; i < 1100; i++) wanted[i] = (topic){(uint32_t)(i % N_SYMBOLS), (uint8_t)(1 + i / N_SYMBOLS)};
    ok(topics_want(t, wanted, 1100) == ERR_TOO_BIG && !topics_has_work(t), "more than a connection may carry");
    ok(topics_want(t, wanted, 1024) == OK, "as many as it may");
    tally sum = settle(t, &s);
    ok(sum.all_sound && sum.n_names == 1024 && s.n == 1024, "%zu commands, at most %zu names and %zu bytes each",
       sum.n_commands, sum.most_names, sum.most_bytes);
    ok(agrees(t, &s), "the server has exactly what is wanted");
    ok(topics_want(t, wanted + 10, 1014) == OK, "ten less");
    sum = settle(t, &s);
    ok(sum.n_commands == 1 && sum.n_names == 10 && agrees(t, &s), "one UNSUBSCRIBE of ten");
    ok(topics_want(t, wanted + 10, 1014) == OK && !topics_has_work(t), "the same again is no work");
    topics_reset(t);
    s.n = 0;
    sum = settle(t, &s);
    ok(sum.n_names == 1014 && agrees(t, &s), "all again after a new connection");
    topic bad = {N_SYMBOLS, 0};
    ok(topics_want(t, &bad, 1) == ERR_INVALID && agrees(t, &s), "an unknown symbol changes nothing");
    topics_free(t);
}

static void test_refused(void) {
    static server s;
    topics *t;
    json_writer w;
    topic one[] = {{1, INTERVAL_1M}, {1, INTERVAL_1M}, {2, TOPIC_TICKER}};
    s.n = 0;
    if (topics_new(table, &t) || topics_want(t, one, 3)) abort();
    json_writer_init(&w);
    ok(topics_command(t, 5, &w) && strcmp(w.text, "{\"method\":\"SUBSCRIBE\",\"params\":[\"sym1usdt@kline_1m\","
                                                  "\"sym2usdt@ticker\"],\"id\":5}") == 0,
       "the text of a command: %s", w.text);
    json_writer_deinit(&w);
    ok(!topics_has_work(t) && topics_count(t).n_asked == 2, "no second command while one is unanswered");
    topics_answer(t, false);
    ok(topics_has_work(t) && topics_count(t).n_carried == 0, "a refused one is due again");
    json_writer_init(&w);
    (void)topics_command(t, 6, &w);
    json_writer_deinit(&w);
    ok(topics_want(t, one, 0) == OK && topics_count(t).n_wanted == 0, "unwanted while being asked for");
    topics_answer(t, true);
    json_writer_init(&w);
    ok(topics_command(t, 7, &w) && strstr(w.text, "UNSUBSCRIBE"), "is given back once it is there");
    json_writer_deinit(&w);
    ok(topics_want(t, one, 3) == OK, "wanted again while leaving");
    topics_answer(t, true);
    settle(t, &s);
    ok(s.n == 2 && agrees(t, &s), "is asked for again");
    topics_free(t);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Wishes change between a command and its answer, commands are refused, connections are lost. */
static void test_random(uint64_t seed) {
    static server s;
    static topic wanted[64];
    topics *t;
    bool is_sound = true, is_join;
    if (topics_new(table, &t)) abort();
    s.n = 0;
    for (int round = 0; round < 3000 && is_sound; round++) {
        json_writer w;
        size_t n = next_random(&seed) % 64;
        for (size_t i = 0; i < n; i++)
            wanted[i] = (topic){(uint32_t)(8 + next_random(&seed) % 20), (uint8_t)(next_random(&seed) % N_TOPIC_KINDS)};
        is_sound &= topics_want(t, wanted, n) == OK;
        json_writer_init(&w);
        bool was_due = topics_has_work(t);
        bool made = topics_command(t, round + 1, &w);
        is_sound &= made == was_due;
        if (next_random(&seed) % 2) is_sound &= topics_want(t, wanted, n / 2) == OK;
        switch (made ? next_random(&seed) % 8 : 9) {
        case 0: topics_answer(t, false); break;
        case 1:
            topics_reset(t);
            s.n = 0;
            break;
        case 9: break;
        default: is_sound &= obey(&s, w.text, w.bytes, &is_join) > 0; topics_answer(t, true);
        }
        json_writer_deinit(&w);
        if (round % 10 == 0) { is_sound &= settle(t, &s).all_sound && agrees(t, &s); }
    }
    ok(is_sound, "3000 random rounds end in what is wanted");
    topics_free(t);
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)time(NULL));
    make_table();
    test_chunks();
    test_refused();
    test_random(seed | 1);
    symbol_table_free(table);
    return done();
}
