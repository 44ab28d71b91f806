/* The inside of a script state, shared by state.c, calls.c, slots.c and loader.c and by nobody else. */
#pragma once
#include "script/printout.h"
#include "script/region.h"
#include "script/state.h"
#include <lua.h>

enum { SLOTS_MAX = 16384, TRACE_BYTES = 4096, OWN_MAX = 16 };

typedef struct slot_meta {
    series_ref ref;
    int32_t place;     /* where it is at home: see trader.h */
    int32_t hint;      /* where the indicator was found last time */
    int32_t depth;     /* bars that it needs before it counts */
    int32_t next;      /* next slot of the same trader; -1: none */
    int64_t seen;      /* late: bars that it has seen of the present symbol */
    bool is_late;      /* the dry evaluation has not seen it */
    bool is_bound;     /* late: there is a series of the present symbol */
    bool is_asked;     /* late: in the present evaluation */
    bool is_own;       /* an own series, or made of one */
    bool wants_whole;  /* a call has looked further back than its values go: lengthened at the next bind */
    int32_t look_back; /* bars behind the newest that were read, ever; -1: none */
} slot_meta;

/* A recursive series of the trader's author. */
typedef struct own_series {
    char name[OWN_NAME_MAX];
    int32_t id;       /* in the registry */
    int function;     /* reference in Lua's registry */
    int32_t line;     /* where it begins */
    int32_t instance; /* hint: where it was found last */
} own_series;

typedef struct program {
    const trader_source *source;
    int filter, market, rank; /* references in Lua's registry; 0: not loaded. rank: LUA_REFNIL when it has none */
    int32_t first_slot, n_slots, n_late, n_indicators, warmup;
    int32_t interval, line; /* line: where the filter begins */
    /* Places in use, the largest first: references, then slower intervals before faster ones, so that what is aligned
     * finds its source computed. */
    uint8_t places[N_PLACES];
    int32_t n_places;
    int32_t reference[REFERENCES_MAX]; /* numbers of symbols in the registry */
    int32_t n_references;
    own_series own[OWN_MAX];
    int32_t n_own;
    bool has_conditions, has_plots;
    bool has_prompt, wants_analysis, is_manual; /* see script_analysis */
    double least_score;                         /* matches up to it are not analysed; NaN: all are */
    bool is_filtered_by_conditions;             /* it has no filter but them */
    const trader_spec *expected;                /* its needs; NULL: not known */
    int32_t n_met;                              /* of them, those that have a slot */
} program;

struct script_state {
    script_context context; /* first: script_series finds the state by it */
    lua_State *L;
    region *memory;
    guard *guard;
    registry *registry;
    script_limits limits;
    slot_meta *metas;
    int32_t n_slots, n_programs;
    program *programs;
    int load_function, result_function, conditions_function, plots_function, prompt_function;
    int64_t born_ns;
    bool is_dead, is_quiet;
    bool watches_late; /* the present call may ask for a late series that is not warm, or has not begun */
    int32_t guilty;
    bool has_new_slots;      /* since the last bind */
    const char *stack_floor; /* of the thread, with the reserve above its end */
    printout printed;
    char trace[TRACE_BYTES];
};

/* A function that a Lua error may leave: ThreadSanitizer does not see that, and would count it as entered for ever. */
#define CALLED_BY_LUA __attribute__((no_sanitize("thread")))

enum { HANDLER = 1 }; /* stack index of the traceback handler, always there */

/* The error on top of the stack as a sentence with a place: ERR_SCRIPT, or ERR_NO_MEMORY. */
err state_error(const script_state *s, int32_t index, int status, diag *why);
/* The state is dead from here on; ERR_RUNAWAY and the sentence. */
err state_kill_for_cpu(script_state *s, int32_t index, int64_t budget_ms, bool is_load, diag *why);
err state_kill_for_memory(script_state *s, diag *why);
/* OK, or ERR_RUNAWAY when too much is held. */
err state_check_memory(script_state *s, int32_t index, diag *why);
/* What the trader of the context has printed in a call that is not run again. */
void state_write_printed(script_state *s);
/* Times, ticker and rank of the view, for the calls that follow. */
void state_show_moment(script_state *s, const script_view *view);
/* The trader's number as an owner of memory; 0 is the stdlib. */
uint32_t state_owner(int32_t index);
