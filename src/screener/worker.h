/* A screener worker: one thread, one LuaJIT state, a shard of the symbols.
 *
 * Only the worker touches its symbols and its state. Events come in through its inbox, passes go out to whoever keeps
 * them (storage, or a replay), notes go to the I/O thread. When its state is killed it builds a new one and goes on.
 * Threads: worker_new, _start, _stop on the I/O thread (or a replay's); the rest of the shared fields is atomic. */
#pragma once
#include "base/cpu_places.h"
#include "base/queue.h"
#include "screener/excerpt.h"
#include "screener/pass.h"
#include "screener/quote.h"
#include "screener/ranking.h"
#include "screener/references.h"
#include "screener/saved_symbol.h"
#include "screener/tracked.h"

enum { WORKERS_MAX = 8, INBOX_EVENTS = 4096 };

typedef enum note_kind {
    NOTE_RANGE,     /* ask REST for [from_ms, to_ms) of (symbol, interval) */
    NOTE_SHALLOW,   /* the history of the symbol does not reach as far back as a new trader needs */
    NOTE_INSTALLED, /* answer to CONTROL_INSTALL: the set before is not used here any more */
    NOTE_BARRIER,   /* answer to CONTROL_BARRIER: everything before it has been evaluated */
    NOTE_WORD,      /* what a symbol says for the rank of `who` */
    NOTE_RELEASED,  /* answer to CONTROL_RELEASE: the symbol is the receiver's */
    NOTE_UNTRACKED, /* answer to CONTROL_UNTRACK: whoever takes the passes has the symbol's last ones; kept is the receiver's */
    NOTE_SAVED,   /* answer to CONTROL_SAVE */
    NOTE_EXCERPT, /* answer to CONTROL_EXCERPT */
    NOTE_QUOTES,  /* answer to CONTROL_QUOTE */
    NOTE_PAUSED,  /* answer to CONTROL_PAUSE */
    NOTE_KILLED,  /* a script was stopped and its trader quarantined */
    NOTE_FAILED   /* the worker cannot go on */
} note_kind;

typedef struct note {
    note_kind kind;
    int32_t worker;
    uint32_t symbol;
    int32_t interval;
    int64_t from_ms, to_ms;
    uint64_t inquiry;      /* NOTE_RANGE: its number */
    bool is_audit;         /* NOTE_RANGE: the bars are there already */
    bool is_kept;          /* NOTE_RELEASED: the symbol stays where it is */
    tracked *tracked;      /* NOTE_RELEASED */
    memory *kept;          /* NOTE_UNTRACKED; NULL: the symbol had not been under watch */
    saved_symbol *saved;   /* NOTE_SAVED: the receiver's; NULL: the symbol is not here, or there was no memory */
    excerpt *excerpt;      /* NOTE_EXCERPT: the receiver's */
    quote_list *quotes;    /* NOTE_QUOTES: the receiver's; NULL: there was no memory */
    const trader_set *set; /* NOTE_INSTALLED */
    const trader *who;     /* NOTE_WORD, with word */
    rank_word word;
} note;

typedef enum control_kind {
    CONTROL_INSTALL, /* these traders from now on */
    CONTROL_TRACK,   /* a new symbol */
    CONTROL_UNTRACK, /* its watch ends */
    CONTROL_CHOOSE,  /* volumes, or the universe, have changed: traders may want other symbols */
    CONTROL_COPY,    /* a reference: a copy of its own for each worker */
    CONTROL_RANK,    /* the place of a symbol that was scored */
    CONTROL_RELEASE, /* give the symbol up */
    CONTROL_ADOPT,   /* take the symbol that another worker has given up */
    CONTROL_EXCERPT, /* copy bars of the symbol */
    CONTROL_QUOTE,   /* what each symbol costs now */
    CONTROL_SAVE,    /* write the symbol down as it is now */
    CONTROL_PAUSE,   /* is_paused is another: see pausing.h */
    CONTROL_BARRIER
} control_kind;

typedef struct control {
    control_kind kind;
    int64_t market_ms; /* newest market time: a worker that has had no symbols would not know it */
    bool is_paused;    /* from now on no trader is evaluated, or they are again */
    trader_set *set;
    uint32_t symbol;
    tracked *tracked;
    bool is_optional;  /* CONTROL_RELEASE: not if the symbol waits for something */
    const trader *who; /* CONTROL_RANK, with place, close_ms and rank */
    int32_t place;
    int64_t close_ms;
    script_rank rank;
    const symbol_info *info; /* CONTROL_COPY */
    int64_t
        start_ms; /* CONTROL_INSTALL, CONTROL_TRACK, CONTROL_PAUSE: market time; what begins now is silent up to here */
    const memory *memory; /* of earlier runs, for what begins now; NULL: none */
    bool keeps_epochs;    /* CONTROL_UNTRACK: it begins anew at once */
    bool skips_late_bars; /* CONTROL_TRACK: bars that closed meanwhile are seen silently */
    excerpt *excerpt;     /* CONTROL_EXCERPT; owned */
    saved_symbol
        *saved; /* CONTROL_TRACK, CONTROL_COPY: what an earlier run has written down, packed; owned; NULL: nothing */
} control;

void control_free(control *c);

/* Counters of one worker; written by it, read by all. */
typedef struct worker_stats {
    _Atomic uint64_t n_events, n_bars, n_evaluations, n_signals, n_errors, n_kills, n_skipped, n_stopped, n_warming,
        n_late, n_gaps, n_corrected, n_by_rest, n_refused, n_audits;
    _Atomic int64_t busy_ns;      /* spent on events, ever */
    _Atomic int64_t lag_ns;       /* of the last pass: closing event taken from the inbox to pass handed over */
    _Atomic int64_t memory_bytes; /* of the state */
    _Atomic int64_t market_bytes; /* of bars, indicators and their states, all symbols; measured every few seconds */
    _Atomic int64_t n_indicators; /* (symbol, interval, indicator) that are kept up to date; likewise */
    _Atomic int64_t n_holes;      /* bars that the exchange lacks too, of all series kept; likewise */
    _Atomic int32_t n_symbols;
    _Atomic uint32_t n_owed_prompts; /* of signals that have been handed over; still to be made */
    _Atomic uint32_t n_begun;        /* symbols that have begun here, with what there was of them, ever */
    _Atomic uint64_t n_let_go;       /* events that a stop has not waited for */
    _Atomic int32_t n_copies_anew;   /* copies of references that began anew for a symbol from another worker, ever */
    _Atomic int32_t n_restored;      /* series taken up from a snapshot, ever */
    _Atomic int64_t save_ns;         /* the longest that writing a symbol down has taken */
} worker_stats;

/* What all workers share; outlives them. */
typedef struct worker_shared {
    registry *registry;
    const symbol_table *symbols;
    watchdog *dog;
    script_limits limits;
    tracked_policy policy;
    int32_t max_errors_in_row;
    int32_t max_signals_per_hour; /* of one trader, market time; 0: no limit */
    bool watches_closes;       /* bars that do not come are asked for by the time; else only when a later one comes */
    int64_t audit_period_ms;   /* closed bars are read again once in so long; 0: never. With watches_closes only. */
    bool shows_first_look;     /* what the silent bars hit becomes historical signals */
    const char *user, *market; /* parts of every signal's id */
    void (*submit)(void *context, int32_t worker, pass *p); /* worker thread; takes the pass; may wait */
    const cpu_places *places;                               /* NULL: wherever the system puts the workers */
    void (*flush)(void *context,
                  int32_t worker); /* worker thread: nothing follows for now; NULL: nobody wants to know */
    /* Worker thread: whoever takes this worker's passes has all that it has submitted, so that what another worker
     * submits from now on comes after it. NULL: always. */
    bool (*is_taken)(void *context, int32_t worker);
    void *submit_context;
    /* Monotonic time after which a stopping worker lets go of the events that still wait: the next start fetches them. 0: never. */
    _Atomic int64_t let_go_ms;
    void (*notify)(void *context); /* worker thread: notes are there, or the inbox has room again */
    void *notify_context;
    int64_t tick_ms; /* least market time between two looks of on = "tick" traders at a symbol; 0: they never look */
    /* By symbol: what it has cost, ns, ever. The owner writes, the feed's thread reads. */
    _Atomic int64_t cost_ns[SYMBOL_MAX];
} worker_shared;

typedef struct worker worker;

MUST_CHECK err worker_new(int32_t index, worker_shared *shared, worker **out);
MUST_CHECK err worker_start(worker *w);
/* From here on nobody reads its notes: they are dropped, so that the worker never waits for room. */
void worker_stop(worker *w);
/* Ends the thread once the inbox is empty, and waits for it. It may be started again. */
void worker_finish(worker *w);
void worker_free(worker *w);

/* The worker's thread (`context`: the worker): what a symbol says for the rank of the trader at a place. */
void worker_say(void *context, int32_t place, const rank_word *word);

/* Writes the symbol down as it stands. After worker_finish of a worker that was stopped: then nobody else has it. NULL: it is
 * not here, or there is no memory. */
saved_symbol *worker_save(worker *w, uint32_t symbol);

queue *worker_inbox(worker *w); /* of market_event */
queue *worker_notes(worker *w); /* of note */
void worker_wake(worker *w);
/* The producer wants to be notified when the inbox has room. */
void worker_ask_for_room(worker *w);
const worker_stats *worker_get_stats(const worker *w);
