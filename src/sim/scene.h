/* What goes wrong, and when: a scene is a text of lines such as
 *
 *   # The stream loses three bars of one symbol, and a minute later every connection.
 *   at 10m gap BTCUSDT 3 bars
 *   every 5m from 11m drop all for 20s
 *
 *   WHEN      at 10m             once, so long of market time after the start; 10m..20m: drawn from the seed
 *             every 5m [from 10m] [until 1h]
 *             nothing            at once (in the control door)
 *   WHAT      drop               connections are cut; with `for`, nobody may connect until then
 *             silence            connections stay open, and nothing is sent on them, no ping either
 *             half-open          the peer is gone without a word: nothing is read or sent; reset when `for` is over
 *             shutdown           serverShutdown is sent, and the connection closed `after` 10s
 *             lifetime 1h        connections are closed at that age (the exchange's 24 h)
 *             connect-limit 5    connection attempts of one address in 5 minutes (the exchange's 300)
 *             gap 3 bars         the stream has nothing of these bars, REST has them
 *             hole 3 bars        REST has them neither
 *             no-close 1 bar     the final frame is never sent
 *             correct 1 bar      the final frame has other values than REST; with `after`, so has REST until then
 *             duplicate          every frame comes twice
 *             reorder            every second frame comes after the one that follows it
 *             malformed cut      a frame of that kind comes besides the others (see scene_malformed_names)
 *             rest 429           requests get that status (404, 429, 418, 403, 451 or 5xx; 451: WebSockets too)
 *             rest slow 3s       answers come that much later (real time)
 *             rest cut           answers break off in the middle of the body
 *             rest corrupt       a bit of the body's middle is another
 *             skew 3s            the exchange's clock is wrong by that (-3s: behind): event times and server time
 *             delist, list       a symbol's trading ends; a symbol is unknown until then, or trades again
 *             clear              all that goes on is over
 *   TO WHOM   BTCUSDT, random (drawn from the seed) or all; of connections, those that listen to the symbol
 *   HOW       for 5m, for 5 requests (or both: what comes first), after 10s, of 5m (bars and streams of that interval), to klines (or time,
 *             exchangeInfo, ticker, ping; of the public dumps, which the others are not about: dumps, or archives
 *             without their checksums), retry-after 2s, host 1
 *
 * Pure. Threads: any. Ownership: plain data. */
#pragma once
#include "market/symbol.h"

typedef enum scene_kind {
    SCENE_DROP,
    SCENE_SILENCE,
    SCENE_HALF_OPEN,
    SCENE_SHUTDOWN,
    SCENE_LIFETIME,
    SCENE_CONNECT_LIMIT,
    SCENE_GAP,
    SCENE_HOLE,
    SCENE_NO_CLOSE,
    SCENE_CORRECT,
    SCENE_DUPLICATE,
    SCENE_REORDER,
    SCENE_MALFORMED,
    SCENE_REST,
    SCENE_SKEW,
    SCENE_DELIST,
    SCENE_LIST,
    SCENE_CLEAR,
    N_SCENE_KINDS
} scene_kind;

typedef enum scene_target { TARGET_ALL, TARGET_RANDOM, TARGET_SYMBOL } scene_target;

enum { SCENE_TEXT_BYTES = 200, SCENE_MAX_LINES = 1000 };

typedef struct scene_event {
    scene_kind kind;
    scene_target target;
    char symbol[SYMBOL_BYTES];
    int64_t at_ms, at_most_ms; /* from the start; equal unless drawn */
    int64_t every_ms;          /* 0: once */
    int64_t until_ms;          /* of `every`; INT64_MAX when not given */
    int64_t for_ms;            /* 0: not given */
    uint32_t for_requests;     /* 0: not given */
    int64_t after_ms;          /* -1: not given */
    int64_t amount_ms;         /* of lifetime, skew and rest slow */
    uint32_t count;            /* bars, or attempts */
    int32_t interval;          /* of the bars; -1: not given */
    int32_t malformed;         /* index into scene_malformed_names; -1: random */
    int32_t status;            /* of rest; 0: slow or cut */
    bool is_cut, is_corrupt;
    const char *endpoint; /* static; NULL: all */
    int64_t retry_after_s;
    int32_t host;                /* from 1; 0: all */
    int32_t line;                /* 0: not from a file */
    char text[SCENE_TEXT_BYTES]; /* WHAT and the rest, as the control door would take it */
} scene_event;

typedef struct scene {
    scene_event *events;
    size_t count, capacity;
} scene;

/* The kinds of malformed frames, NULL at the end. */
enum { N_SCENE_MALFORMED = 12 };
extern const char *const scene_malformed_names[N_SCENE_MALFORMED + 1];

/* The word that a line begins with. */
const char *scene_kind_name(scene_kind kind);

void scene_free(scene *s);
/* Adds what the file says. ERR_SYNTAX with file:line, what was found and what was expected; ERR_NOT_FOUND, ERR_IO. */
MUST_CHECK err scene_read(const char *path, scene *out, diag *why);
/* One line without WHEN, to happen at once. ERR_SYNTAX with a sentence. */
MUST_CHECK err scene_parse_command(const char *line, scene_event *out, diag *why);
