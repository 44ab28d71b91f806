/* See orchestrator_cloud_traders.h. */
#include "orchestrator_cloud_traders.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "sync/trader_choice.h"
#include "sync/trader_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_BYTES = 1024, LINE_BYTES = 256 };

struct orchestrator_cloud_traders {
    orchestrator_cloud_traders_config config;
    trader_poll *poll;
    trader_row_list list; /* what is to run, sorted by id */
    bool has_list;        /* else nothing was ever read */
    bool is_loaded;       /* the list is compiled: `wanted` is true */
    char **wanted;        /* what traders.error is to say of each of the list; NULL: nothing */
    bool is_calling, is_restoring, is_closed;
    char reported_id[UUID_TEXT_BYTES];
    user_tier tier;
    bool are_analysed;
    size_t n_verdicts[N_VERDICTS];
    char unsupported[NAMES_BYTES], line[LINE_BYTES]; /* said last */
};

/* ---- the list over restarts ---- */

/* Work for the storage thread. */
typedef struct list_job {
    orchestrator_cloud_traders *owner; /* of a read */
    trader_row_list list;
} list_job;

static list_job *new_job(orchestrator_cloud_traders *c) {
    list_job *job = calloc(1, sizeof *job);
    if (job) job->owner = c;
    return job;
}

static void free_job(list_job *job) {
    if (!job) return;
    trader_row_list_deinit(&job->list);
    free(job);
}

static err write_list(local_db *db, void *job, diag *why) {
    const list_job *j = job;
    return trader_table_replace(local_db_handle(db), &j->list, why);
}

static void on_written(void *job, err error, const char *why) {
    if (error != OK) log_error("traders", "they are not kept for a start without Supabase: %s", why);
    free_job(job);
}

static err copy_list(const trader_row_list *from, trader_row_list *to) {
    err e = OK;
    for (size_t i = 0; i < from->count && e == OK; i++) {
        trader_row copy;
        e = trader_row_copy(&from->items[i], &copy);
        if (e == OK && (e = trader_row_list_add(to, &copy)) != OK) trader_row_deinit(&copy);
    }
    return e;
}

static void save(orchestrator_cloud_traders *c) {
    list_job *job = new_job(c);
    err e = job ? copy_list(&c->list, &job->list) : ERR_NO_MEMORY;
    if (e == OK) e = storage_write(c->config.storage, write_list, on_written, job);
    if (e == OK) return;
    log_error("traders", "they are not kept for a start without Supabase: %s", error_text(e));
    free_job(job);
}

static err read_list(local_db *db, void *job, diag *why) {
    return trader_table_read_some(local_db_handle(db), false, &((list_job *)job)->list, why);
}

/* Those of another user, whose machine this was, are not taken. */
static bool is_of(const trader_row_list *list, const char *user_id) {
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].is_built_in && strcmp(list->items[i].user_id, user_id) != 0) return false;
    return list->count > 0;
}

static void free_if_over(orchestrator_cloud_traders *c);

/* Supabase may have answered before. */
static void on_list_read(void *context, err error, const char *why) {
    list_job *job = context;
    orchestrator_cloud_traders *c = job->owner;
    c->is_restoring = false;
    if (error != OK && error != ERR_CANCELLED)
        log_error("traders", "those of the run before cannot be taken up: %s", why);
    if (error == OK && !c->is_closed && !c->has_list && is_of(&job->list, c->config.user_id)) {
        c->list = job->list;
        job->list = (trader_row_list){0};
        c->has_list = true;
        log_info("traders", "%zu of the run before, until Supabase answers", c->list.count);
        c->config.on_change(c->config.context);
    }
    free_job(job);
    if (c->is_closed) free_if_over(c);
}

static void restore(orchestrator_cloud_traders *c) {
    list_job *job = new_job(c);
    err e = job ? storage_read(c->config.storage, read_list, on_list_read, job) : ERR_NO_MEMORY;
    c->is_restoring = e == OK;
    if (e == OK) return;
    log_error("traders", "those of the run before cannot be taken up: %s", error_text(e));
    free_job(job);
}

/* ---- what the rows are told ---- */

static void forget_wanted(orchestrator_cloud_traders *c) {
    for (size_t i = 0; c->wanted && i < c->list.count; i++) free(c->wanted[i]);
    free(c->wanted);
    c->wanted = NULL;
    c->is_loaded = false;
}

static bool is_same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static void report_next(orchestrator_cloud_traders *c);

static void free_if_over(orchestrator_cloud_traders *c) {
    if (!c->is_closed || c->is_calling || c->is_restoring) return;
    forget_wanted(c);
    trader_row_list_deinit(&c->list);
    free(c);
}

/* Our write makes a version of the row, like any other. When it is the one behind that which was read, nobody else's came
 * between, and what was read is still what it holds. */
static void take_version(trader_row *row, const postgrest_answer *answer) {
    trader_row_list rows = {0};
    diag why;
    err e = trader_row_parse(answer->body, answer->body_bytes, &rows, &why);
    if (e == OK && rows.count == 1 && rows.items[0].version == row->version + 1) row->version++;
    trader_row_list_deinit(&rows);
}

/* The row is not asked again for what it says: the next round of the poll brings it. A failure is tried again then. */
static void on_reported(void *context, const postgrest_answer *answer) {
    orchestrator_cloud_traders *c = context;
    c->is_calling = false;
    if (c->is_closed) {
        free_if_over(c);
        return;
    }
    if (answer->kind != POSTGREST_OK) {
        static log_repeater repeater;
        log_repeat(&repeater, LOG_WARN, "traders", "traders.error of %s is not written: %s", c->reported_id,
                   answer->why);
        return;
    }
    trader_row *row = trader_row_list_find(&c->list, c->reported_id);
    if (row) take_version(row, answer);
    if (row && c->wanted) {
        const char *wanted = c->wanted[row - c->list.items];
        free(row->error);
        row->error = wanted ? strdup(wanted) : NULL;
    }
    report_next(c);
}

/* One row at a time; built-in ones are not ours to write. */
static void report_next(orchestrator_cloud_traders *c) {
    char filter[LINE_BYTES], *changes;
    size_t i = 0;
    json_writer w;
    if (!c->is_loaded || c->is_calling || c->is_closed) return;
    while (i < c->list.count && (c->list.items[i].is_built_in || is_same_text(c->list.items[i].error, c->wanted[i])))
        i++;
    if (i == c->list.count) return;
    memcpy(c->reported_id, c->list.items[i].id, sizeof c->reported_id);
    snprintf(filter, sizeof filter, "id=eq.%s&user_id=eq.%s", c->reported_id, c->config.user_id);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "error", c->wanted[i]);
    json_write_object_end(&w);
    size_t bytes;
    if (json_writer_take(&w, &changes, &bytes) == OK) {
        c->is_calling =
            postgrest_update(c->config.client, "traders", filter, changes, "id,version", on_reported, c) == OK;
        free(changes);
    }
    json_writer_deinit(&w);
}

void orchestrator_cloud_traders_loaded(orchestrator_cloud_traders *c, const orchestrator_traders *t) {
    forget_wanted(c);
    c->wanted = calloc(c->list.count + 1, sizeof *c->wanted);
    if (!c->wanted) return; /* as if it were not loaded yet */
    for (size_t i = 0; i < c->list.count; i++) {
        const char *problem = orchestrator_traders_problem(t, c->list.items[i].id);
        c->wanted[i] = problem ? strdup(problem) : NULL;
        if (c->wanted[i]) utf8_clean(c->wanted[i]); /* else what is read back would never be it */
    }
    c->is_loaded = true;
    report_next(c);
}

/* ---- what is said ---- */

static const char *name_of(const trader_row *row) { return row->name && *row->name ? row->name : row->id; }

/* Once for the same ones. */
static void tell_unsupported(orchestrator_cloud_traders *c, const trader_row_list *rows,
                             const trader_verdict *verdicts) {
    char names[NAMES_BYTES] = "";
    size_t used = 0, n = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const trader_row *row = &rows->items[i];
        if (verdicts[i] != VERDICT_UNSUPPORTED) continue;
        n++;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s (%s)", used ? ", " : "", name_of(row),
                                     row->language ? row->language : "no language");
    }
    if (strcmp(names, c->unsupported) == 0) return;
    memcpy(c->unsupported, names, sizeof names);
    if (n > 0)
        log_warn("traders",
                 "%zu are not in Lua and do not run here: %s. Port them with helpers.* (docs/trader-guide.md) and set "
                 "their language to \"lua\"",
                 n, names);
}

static void tell_choice(orchestrator_cloud_traders *c) {
    char line[LINE_BYTES];
    const size_t *n = c->n_verdicts;
    int32_t quota = user_tier_quota(c->tier);
    int used = snprintf(line, sizeof line, "from Supabase: %zu run (tier %s), %zu are switched off", n[VERDICT_RUNS],
                        user_tier_name(c->tier), n[VERDICT_DISABLED]);
    if (n[VERDICT_QUOTA])
        used += snprintf(line + used, sizeof line - (size_t)used,
                         ", %zu are more than the %d that the tier has room for", n[VERDICT_QUOTA], quota);
    if (n[VERDICT_TIER])
        snprintf(line + used, sizeof line - (size_t)used, ", %zu are of a higher tier", n[VERDICT_TIER]);
    if (strcmp(line, c->line) == 0) return;
    memcpy(c->line, line, sizeof line);
    log_info("traders", "%s", line);
}

/* ---- reading ---- */

static bool is_same_trader(const trader_row *a, const trader_row *b) {
    return strcmp(a->id, b->id) == 0 && is_same_text(a->name, b->name) && is_same_text(a->code, b->code) &&
           is_same_text(a->inputs, b->inputs) && is_same_text(a->problem, b->problem) &&
           a->tells_signals == b->tells_signals && a->tells_analyses == b->tells_analyses;
}

static bool is_same_list(const trader_row_list *a, const trader_row_list *b) {
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) is_same = is_same_trader(&a->items[i], &b->items[i]);
    return is_same;
}

static err choose(orchestrator_cloud_traders *c, const trader_poll_round *round, trader_row_list *chosen) {
    trader_verdict *verdicts = calloc(round->rows->count + 1, sizeof *verdicts);
    err e = verdicts ? trader_choice_make(round->rows, round->tier, verdicts) : ERR_NO_MEMORY;
    memset(c->n_verdicts, 0, sizeof c->n_verdicts);
    for (size_t i = 0; i < round->rows->count && e == OK; i++) {
        trader_row copy;
        c->n_verdicts[verdicts[i]]++;
        if (verdicts[i] != VERDICT_RUNS) continue;
        e = trader_row_copy(&round->rows->items[i], &copy);
        if (e == OK && (e = trader_row_list_add(chosen, &copy)) != OK) trader_row_deinit(&copy);
    }
    if (e == OK) {
        tell_unsupported(c, round->rows, verdicts);
        tell_choice(c);
    }
    free(verdicts);
    return e;
}

static void on_read(void *context, const trader_poll_round *round) {
    orchestrator_cloud_traders *c = context;
    trader_row_list chosen = {0};
    c->tier = round->tier;
    if (round->is_analysed && !c->are_analysed)
        log_info("traders",
                 "a trigger of the project has signals analysed (auto_trigger_ai_analysis), so this machine does not: "
                 "nobody is to pay twice");
    c->are_analysed = round->is_analysed;
    if (choose(c, round, &chosen) != OK) {
        log_error("traders", "what Supabase says of them is left aside: out of memory");
        trader_row_list_deinit(&chosen);
        return;
    }
    if (c->has_list && is_same_list(&chosen, &c->list)) {
        trader_row_list before = c->list;
        c->list = chosen; /* what `wanted` says of each place is still true; what the rows say may be news */
        trader_row_list_deinit(&before);
        report_next(c);
        if (c->config.on_same) c->config.on_same(c->config.context);
        return;
    }
    forget_wanted(c);
    trader_row_list_deinit(&c->list);
    c->list = chosen;
    c->has_list = true;
    save(c);
    c->config.on_change(c->config.context);
}

static void on_read_failed(void *context) {
    const orchestrator_cloud_traders *c = context;
    if (c->config.on_failed) c->config.on_failed(c->config.context);
}

/* ---- the list as sources ---- */

/* Cut where a character ends; what is no text of one line becomes a space. */
static void copy_line(const char *from, char *to, size_t to_bytes) {
    size_t n = strlen(from);
    if (n >= to_bytes) {
        n = to_bytes - 1;
        while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80) n--;
    }
    for (size_t i = 0; i < n; i++) to[i] = (unsigned char)from[i] < ' ' ? ' ' : from[i];
    to[n] = 0;
}

static err make_source(const trader_row *row, const char *file, trader_source **out, diag *why) {
    char chunk[TRADER_NAME_MAX];
    _Static_assert(sizeof chunk == sizeof(*out)->name, "it is the name, too");
    copy_line(name_of(row), chunk, sizeof chunk);
    if (!row->code)
        return diag_set(why, ERR_INVALID, "%s: %s", chunk, row->problem ? row->problem : error_text(ERR_NO_MEMORY));
    if (row->problem) return diag_set(why, ERR_INVALID, "%s: %s", chunk, row->problem);
    err e = trader_source_new(row->id, chunk, row->code, strlen(row->code), row->inputs, out, why);
    if (e != OK) return e;
    (*out)->is_variant = true; /* the row's id, whatever the script says */
    (*out)->enabled = 1;
    memcpy((*out)->name, chunk, sizeof chunk);
    snprintf((*out)->file, sizeof(*out)->file, "%s", file);
    return OK;
}

err orchestrator_cloud_traders_scan(void *context, trader_folder *out, diag *why) {
    const orchestrator_cloud_traders *c = context;
    *out = (trader_folder){0};
    if (!c->has_list) return diag_set(why, ERR_NOT_FOUND, "Supabase has not said yet which traders there are");
    out->sources = calloc(c->list.count + 1, sizeof(trader_source *));
    out->failures = calloc(c->list.count + 1, sizeof *out->failures);
    if (!out->sources || !out->failures) {
        trader_folder_deinit(out);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < c->list.count; i++) {
        const trader_row *row = &c->list.items[i];
        trader_file_failure *failure = &out->failures[out->n_failures];
        snprintf(failure->file, sizeof failure->file, "supabase:%s", row->id);
        snprintf(failure->key, sizeof failure->key, "%s", row->id);
        if (make_source(row, failure->file, &out->sources[out->count], &failure->why) == OK)
            out->count++;
        else
            out->n_failures++;
    }
    return OK;
}

/* ---- life ---- */

err orchestrator_cloud_traders_new(const orchestrator_cloud_traders_config *config, orchestrator_cloud_traders **out,
                                   diag *why) {
    orchestrator_cloud_traders *c = calloc(1, sizeof *c);
    if (!c) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    c->config = *config;
    *out = c;
    return OK;
}

err orchestrator_cloud_traders_start(orchestrator_cloud_traders *c) {
    restore(c);
    trader_poll_config pc = {.loop = c->config.loop,
                             .client = c->config.client,
                             .user_id = c->config.user_id,
                             .seed = (uint64_t)monotonic_ns(),
                             .on_read = on_read,
                             .on_failed = on_read_failed,
                             .context = c};
    return trader_poll_start(&pc, &c->poll);
}

void orchestrator_cloud_traders_now(orchestrator_cloud_traders *c) {
    if (c->poll) trader_poll_now(c->poll);
}

const trader_row *orchestrator_cloud_traders_find(const orchestrator_cloud_traders *c, const char *id) {
    return trader_row_list_find(&c->list, id);
}

bool orchestrator_cloud_traders_are_analysed_elsewhere(const orchestrator_cloud_traders *c) { return c->are_analysed; }

bool orchestrator_cloud_traders_is_failing(const orchestrator_cloud_traders *c) {
    return c->poll && trader_poll_get_stats(c->poll)->is_failing;
}

void orchestrator_cloud_traders_write(const orchestrator_cloud_traders *c, json_writer *w) {
    trader_poll_stats s = c->poll ? *trader_poll_get_stats(c->poll) : (trader_poll_stats){0};
    json_put_text(w, "tier", user_tier_name(c->tier));
    json_put_integer(w, "reads", (int64_t)s.n_rounds);
    json_put_integer(w, "failedReads", (int64_t)s.n_failures);
    json_put_integer(w, "rowsRead", (int64_t)s.n_rows_read);
    json_put_text(w, "failure", s.is_failing ? s.why : NULL);
    json_put_bool(w, "analysedByProject", c->are_analysed);
    json_put_integer(w, "chosen", (int64_t)c->n_verdicts[VERDICT_RUNS]);
    json_put_integer(w, "switchedOff", (int64_t)c->n_verdicts[VERDICT_DISABLED]);
    json_put_integer(w, "beyondQuota", (int64_t)c->n_verdicts[VERDICT_QUOTA]);
    json_put_integer(w, "beyondTier", (int64_t)c->n_verdicts[VERDICT_TIER]);
    json_put_integer(w, "unsupported", (int64_t)c->n_verdicts[VERDICT_UNSUPPORTED]);
}

void orchestrator_cloud_traders_close(orchestrator_cloud_traders *c) {
    if (!c) return;
    trader_poll_close(c->poll);
    c->poll = NULL;
    c->is_closed = true;
    free_if_over(c);
}
