/* See orchestrator_local.h. What is in memory is what the disk has: it changes when the write is through. */
#include "orchestrator_local.h"
#include "base/log.h"
#include "sync/trader_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct orchestrator_local {
    storage *storage;
    trader_row_list list;
};

static err read_rows(local_db *db, void *list, diag *why) {
    return trader_table_read_some(local_db_handle(db), true, list, why);
}

err orchestrator_local_new(storage *s, orchestrator_local **out, diag *why) {
    orchestrator_local *l = calloc(1, sizeof *l);
    if (!l) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    l->storage = s;
    *out = l;
    return storage_run(s, read_rows, &l->list, why);
}

void orchestrator_local_free(orchestrator_local *l) {
    if (!l) return;
    trader_row_list_deinit(&l->list);
    free(l);
}

/* ---- as sources ---- */

static const char *key_of(const trader_row *row) { return row->key && *row->key ? row->key : row->id; }

static err make_source(const trader_row *row, trader_source **out, diag *why) {
    char chunk[TRADER_CHUNK_MAX];
    snprintf(chunk, sizeof chunk, "%.*s", TRADER_KEY_MAX, key_of(row));
    if (!row->code || row->problem)
        return diag_set(why, ERR_INVALID, "%s: %s", chunk, row->problem ? row->problem : "it has no script");
    err e = trader_source_new(key_of(row), chunk, row->code, strlen(row->code), row->inputs, out, why);
    if (e == OK) (*out)->enabled = row->is_enabled;
    return e;
}

static bool has_key(const trader_folder *f, const char *key) {
    for (int32_t i = 0; i < f->count; i++)
        if (strcmp(f->sources[i]->key, key) == 0) return true;
    for (int32_t i = 0; i < f->n_failures; i++)
        if (strcmp(f->failures[i].key, key) == 0) return true;
    return false;
}

/* Room for one more of each. */
static err grow(trader_folder *f) {
    trader_source **sources = realloc(f->sources, ((size_t)f->count + 2) * sizeof *sources);
    if (!sources) return ERR_NO_MEMORY;
    f->sources = sources;
    trader_file_failure *failures = realloc(f->failures, ((size_t)f->n_failures + 2) * sizeof *failures);
    if (!failures) return ERR_NO_MEMORY;
    f->failures = failures;
    return OK;
}

err orchestrator_local_add(const orchestrator_local *l, trader_folder *f, diag *why) {
    for (size_t i = 0; i < l->list.count; i++) {
        const trader_row *row = &l->list.items[i];
        if (!row->is_in_cloud || has_key(f, key_of(row))) continue;
        if (grow(f) != OK) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
        trader_file_failure *failure = &f->failures[f->n_failures];
        if (make_source(row, &f->sources[f->count], &failure->why) == OK) {
            f->count++;
            continue;
        }
        snprintf(failure->key, sizeof failure->key, "%s", key_of(row));
        snprintf(failure->file, sizeof failure->file, "local:%s", row->id);
        f->n_failures++;
    }
    return OK;
}

const trader_row *orchestrator_local_find(const orchestrator_local *l, const char *key) {
    for (size_t i = 0; i < l->list.count; i++)
        if (strcmp(key_of(&l->list.items[i]), key) == 0) return &l->list.items[i];
    return NULL;
}

/* ---- changes ---- */

typedef struct change {
    orchestrator_local *owner;
    trader_row row; /* of a removal its id alone */
    bool is_removal;
    orchestrator_local_done on_done;
    void *context;
} change;

static err write_change(local_db *db, void *job, diag *why) {
    const change *c = job;
    return c->is_removal ? trader_table_remove(local_db_handle(db), c->row.id, why)
                         : trader_table_put(local_db_handle(db), &c->row, why);
}

static void drop(orchestrator_local *l, const char *id) {
    for (size_t i = 0; i < l->list.count; i++) {
        if (strcmp(l->list.items[i].id, id) != 0) continue;
        trader_row_deinit(&l->list.items[i]);
        memmove(&l->list.items[i], &l->list.items[i + 1], (l->list.count - i - 1) * sizeof *l->list.items);
        l->list.count--;
        return;
    }
}

static void on_written(void *job, err error, const char *why) {
    change *c = job;
    if (error == OK) drop(c->owner, c->row.id);
    if (error == OK && !c->is_removal && trader_row_list_add(&c->owner->list, &c->row) != OK)
        log_error("traders", "a trader is kept, and seen at the next start only: out of memory");
    trader_row_list_sort(&c->owner->list);
    c->on_done(c->context, error, why);
    trader_row_deinit(&c->row);
    free(c);
}

static err ask(orchestrator_local *l, trader_row *row, bool is_removal, orchestrator_local_done on_done,
               void *context) {
    change *c = malloc(sizeof *c);
    err e = c ? OK : ERR_NO_MEMORY;
    if (c) {
        *c = (change){.owner = l, .row = *row, .is_removal = is_removal, .on_done = on_done, .context = context};
        e = storage_write(l->storage, write_change, on_written, c);
    }
    if (e != OK) {
        trader_row_deinit(row);
        free(c);
    }
    *row = (trader_row){0};
    return e;
}

err orchestrator_local_put(orchestrator_local *l, trader_row *row, orchestrator_local_done on_done, void *context) {
    return ask(l, row, false, on_done, context);
}

err orchestrator_local_remove(orchestrator_local *l, const char *key, orchestrator_local_done on_done, void *context) {
    const trader_row *there = orchestrator_local_find(l, key);
    trader_row row = {0};
    if (!there) return ERR_NOT_FOUND;
    memcpy(row.id, there->id, sizeof row.id);
    return ask(l, &row, true, on_done, context);
}
