/* See orchestrator_snapshot.h. One job at a time is in the pool, and never more than BATCH symbols are in memory. */
#include "orchestrator_snapshot.h"
#include "base/clock.h"
#include "base/log.h"
#include <malloc.h>
#include <stdlib.h>

enum { BATCH = 8 };

typedef enum phase {
    PHASE_IDLE,
    PHASE_READING, /* pool */
    PHASE_ASKING,  /* workers write a batch down */
    PHASE_WRITING, /* pool: a batch, or the end */
} phase;

struct orchestrator_snapshot {
    orchestrator_snapshot_config config;
    uv_timer_t timer;
    uv_work_t work;
    phase phase;
    screener *screener;                      /* NULL: not started */
    bool is_closing, is_last, is_draft_last; /* is_draft_last: the draft under way is the one of the end */
    /* reading */
    snapshot_file *file;
    /* writing; while a job runs, the pool's */
    snapshot_draft *draft;
    saved_symbol *batch[BATCH];
    int32_t n_batch, n_asked;
    uint32_t at, n_symbols; /* at: the next to be asked for */
    bool is_end;            /* the job finishes the file */
    bool is_first;          /* the job opens it */
    size_t bytes;
    int64_t began_ms;
    err result;
    diag why;
    orchestrator_snapshot_stats stats;
};

static void next_batch(orchestrator_snapshot *s);

static void free_batch(orchestrator_snapshot *s) {
    for (int32_t i = 0; i < s->n_batch; i++) saved_symbol_free(s->batch[i]);
    s->n_batch = 0;
}

static void on_timer_closed(uv_handle_t *handle) {
    orchestrator_snapshot *s = handle->data;
    snapshot_file_free(s->file);
    free_batch(s);
    free(s);
}

static void end(orchestrator_snapshot *s) { uv_close((uv_handle_t *)&s->timer, on_timer_closed); }

/* ---- reading ---- */

static void read_in_pool(uv_work_t *work) {
    orchestrator_snapshot *s = work->data;
    s->result = snapshot_file_read(s->config.folder, &s->config.origin, &s->file, &s->why);
}

static void on_read(uv_work_t *work, int status) {
    orchestrator_snapshot *s = work->data;
    (void)status;
    s->phase = PHASE_IDLE;
    if (s->is_closing) {
        end(s);
        return;
    }
    if (s->result == OK)
        log_info("snapshot", "%u symbols from %s/snapshot, %.1f MB", snapshot_file_count(s->file), s->config.folder,
                 (double)snapshot_file_bytes(s->file) / 1e6);
    else if (s->result != ERR_NOT_FOUND)
        log_warn("snapshot", "%s", s->why.text);
    s->config.on_read(s->config.context);
}

err orchestrator_snapshot_open(const orchestrator_snapshot_config *config, orchestrator_snapshot **out) {
    orchestrator_snapshot *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->config = *config;
    uv_timer_init(config->loop, &s->timer);
    s->timer.data = s->work.data = s;
    s->phase = PHASE_READING;
    uv_queue_work(config->loop, &s->work, read_in_pool, on_read);
    *out = s;
    return OK;
}

bool orchestrator_snapshot_has_read(const orchestrator_snapshot *s) { return s->phase != PHASE_READING; }

saved_symbol *orchestrator_snapshot_find(const orchestrator_snapshot *s, const char *name) {
    return s->file ? snapshot_file_find(s->file, name) : NULL;
}

void orchestrator_snapshot_forget(orchestrator_snapshot *s) {
    snapshot_file_free(s->file);
    s->file = NULL;
}

/* ---- writing ---- */

static void write_in_pool(uv_work_t *work) {
    orchestrator_snapshot *s = work->data;
    s->result = OK;
    if (s->is_first) s->result = snapshot_draft_open(s->config.folder, &s->config.origin, &s->draft, &s->why);
    for (int32_t i = 0; i < s->n_batch && s->result == OK; i++)
        s->result = snapshot_draft_add(s->draft, s->batch[i], &s->why);
    free_batch(s);
    if (s->result == OK && !s->is_end) return;
    if (s->result == OK)
        s->result = snapshot_draft_finish(s->draft, &s->bytes, &s->why);
    else
        snapshot_draft_drop(s->draft);
    s->draft = NULL;
    malloc_trim(0); /* what the symbols were packed in */
}

static void begin(orchestrator_snapshot *s) {
    s->at = 0;
    s->n_symbols = screener_n_saved(s->screener);
    s->is_first = true;
    s->is_end = false;
    s->is_draft_last = s->is_closing;
    s->began_ms = monotonic_ms();
    next_batch(s);
}

static void tell(orchestrator_snapshot *s) {
    static log_repeater repeater;
    if (s->result == OK) {
        s->stats.n_written++;
        s->stats.bytes = s->bytes;
        s->stats.last_ms = monotonic_ms() - s->began_ms;
        log_debug("snapshot", "%u symbols, %.1f MB, %lld ms", s->n_symbols, (double)s->bytes / 1e6,
                  (long long)s->stats.last_ms);
    } else {
        s->stats.n_failed++;
        log_repeat(&repeater, LOG_ERROR, "snapshot", "%s; the one before stays", s->why.text);
    }
}

static void on_written(uv_work_t *work, int status) {
    orchestrator_snapshot *s = work->data;
    bool is_through = s->result != OK || s->is_end;
    (void)status;
    s->phase = PHASE_IDLE;
    s->is_first = false;
    if (s->is_closing && !s->is_draft_last) {
        snapshot_draft_drop(s->draft);
        s->draft = NULL;
        if (s->is_last) {
            begin(s);
            return;
        }
    } else if (is_through) {
        tell(s);
    } else {
        next_batch(s);
        return;
    }
    if (s->is_closing) end(s);
}

static void send_to_pool(orchestrator_snapshot *s) {
    s->phase = PHASE_WRITING;
    s->is_end = s->at >= s->n_symbols;
    uv_queue_work(s->config.loop, &s->work, write_in_pool, on_written);
}

/* The workers have ended: nobody else has the symbols. */
static void write_down_here(orchestrator_snapshot *s) {
    for (; s->at < s->n_symbols && s->n_batch < BATCH; s->at++) {
        saved_symbol *saved = screener_save_stopped(s->screener, s->at);
        if (saved) s->batch[s->n_batch++] = saved;
    }
    send_to_pool(s);
}

static void next_batch(orchestrator_snapshot *s) {
    if (s->is_closing) {
        write_down_here(s);
        return;
    }
    s->phase = PHASE_ASKING;
    s->n_asked = 0;
    /* Symbols may have come or gone since. */
    if (s->n_symbols > screener_n_saved(s->screener)) s->n_symbols = screener_n_saved(s->screener);
    for (int32_t k = 0; k < BATCH && s->at < s->n_symbols; k++)
        if (screener_save(s->screener, s->at++) == OK) s->n_asked++;
    if (s->n_asked == 0) send_to_pool(s);
}

void orchestrator_snapshot_saved(orchestrator_snapshot *s, saved_symbol *saved) {
    if (s->phase != PHASE_ASKING) {
        saved_symbol_free(saved);
        return;
    }
    if (saved) s->batch[s->n_batch++] = saved;
    if (--s->n_asked == 0) send_to_pool(s);
}

static void on_timer(uv_timer_t *timer) {
    orchestrator_snapshot *s = timer->data;
    if (s->phase == PHASE_IDLE) begin(s); /* else the disk is slow */
}

void orchestrator_snapshot_start(orchestrator_snapshot *s, screener *symbols) {
    s->screener = symbols;
    if (s->config.interval_ms > 0)
        uv_timer_start(&s->timer, on_timer, (uint64_t)s->config.interval_ms, (uint64_t)s->config.interval_ms);
}

bool orchestrator_snapshot_now(orchestrator_snapshot *s) {
    if (!s->screener || s->is_closing) return false;
    if (s->phase == PHASE_IDLE) begin(s);
    return true;
}

orchestrator_snapshot_stats orchestrator_snapshot_get_stats(const orchestrator_snapshot *s) { return s->stats; }

void orchestrator_snapshot_close(orchestrator_snapshot *s, bool is_last) {
    if (!s) return;
    s->is_closing = true;
    s->is_last = is_last && s->screener;
    uv_timer_stop(&s->timer);
    if (s->phase == PHASE_ASKING) { /* nobody answers any more */
        free_batch(s);
        snapshot_draft_drop(s->draft);
        s->draft = NULL;
        s->phase = PHASE_IDLE;
    }
    if (s->phase != PHASE_IDLE) return; /* the job's end goes on from there */
    if (s->is_last)
        begin(s);
    else
        end(s);
}
