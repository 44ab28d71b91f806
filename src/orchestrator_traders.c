/* See orchestrator_traders.h.
 *
 * One list is under way at a time, so that each on_loaded answers the list that was asked for last. What changes meanwhile
 * makes another list afterwards. A list that is the same as the one before is not asked for again.
 *
 * Three sets of changes over HTTP: `wanted` (as people say), `tried` (part of the list under way), `stored` (has worked). */
#include "orchestrator_traders.h"
#include "base/log.h"
#include "orchestrator_traders_body.h"
#include "orchestrator_traders_tell.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING "trader_overrides"

enum { ERRORS_MS = 1000, EMPTY_MS = 1000 };

static void read_again(orchestrator_traders *t);

/* ---- changes over HTTP ---- */

static void save_changes(orchestrator_traders *t) {
    char *text = trader_overrides_text(t->stored);
    t->is_unsaved = !text || storage_put_setting(t->config.storage, SETTING, text) != OK;
    free(text);
}

/* Those that were tried and have worked are kept; those of a trader that has failed are taken back. True when some were:
 * the list has to be made again without them. */
static bool settle_changes(orchestrator_traders *t) {
    int32_t n = 0;
    const trader_failure *failures = screener_failures(t->screener, &n);
    bool is_taken_back = false;
    err e = OK;
    for (int32_t i = 0; i < n && e == OK; i++) {
        const char *key = failures[i].key;
        if (trader_overrides_equal(t->tried, t->stored, key)) continue;
        log_error("traders", "the change of trader %s over HTTP is taken back: %s", key, failures[i].why.text);
        if (trader_overrides_equal(t->tried, t->wanted, key)) e = trader_overrides_copy(t->wanted, t->stored, key);
        if (e == OK) e = trader_overrides_copy(t->tried, t->stored, key);
        orchestrator_problems_forget(&t->loads, key, t->errors); /* tried again without it */
        is_taken_back = true;
    }
    if (e == OK && !trader_overrides_equal(t->tried, t->stored, NULL)) {
        e = trader_overrides_copy(t->stored, t->tried, NULL);
        save_changes(t);
    }
    if (e != OK) log_error("traders", "changes over HTTP: %s", error_text(e));
    return is_taken_back;
}

static int32_t find_by_id(const trader_set *set, const char *id) {
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->id, id) == 0) return i;
    return -1;
}

/* The source of the trader with that key or UUID; NULL: there is none. `spec`: what it says; NULL when it never compiled. */
static const char *source_key(const orchestrator_traders *t, const char *name, const trader_spec **spec) {
    const trader_set *set = screener_traders(t->screener);
    int32_t place = trader_set_find(set, name);
    if (place < 0) place = find_by_id(set, name);
    *spec = place >= 0 ? set->traders[place]->spec : NULL;
    if (place >= 0) return set->traders[place]->source->key;
    for (int32_t i = 0; i < t->loads.count; i++)
        if (!t->loads.items[i].has_last_good &&
            (strcmp(t->loads.items[i].key, name) == 0 || strcmp(t->loads.items[i].id, name) == 0))
            return t->loads.items[i].key;
    return NULL;
}

err orchestrator_traders_change(orchestrator_traders *t, const char *key, const char *json, diag *why) {
    const trader_spec *spec;
    const char *source;
    err e = OK;
    if (!t->has_loaded) return diag_set(why, ERR_FULL, "the traders are still being loaded");
    source = source_key(t, key, &spec);
    if (!source) return diag_set(why, ERR_NOT_FOUND, "there is no trader \"%s\"", key);
    if (spec) e = trader_overrides_check(spec, json, why);
    if (e == OK) e = trader_overrides_merge(t->wanted, source, json, why);
    if (e == OK) read_again(t);
    return e;
}

err orchestrator_traders_begin_anew(orchestrator_traders *t, const char *key, const char *json, diag *why) {
    trader_overrides *none = NULL;
    err e = trader_overrides_new(NULL, &none, why);
    if (e == OK && trader_overrides_copy(t->wanted, none, key) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    trader_overrides_free(none);
    return e == OK && json ? trader_overrides_merge(t->wanted, key, json, why) : e;
}

/* ---- the list that is wanted ---- */

static err add_source(trader_folder *f, const trader_source *source) {
    trader_source **more = realloc(f->sources, ((size_t)f->count + 1) * sizeof *more);
    if (!more) return ERR_NO_MEMORY;
    f->sources = more;
    return trader_source_copy(source, &f->sources[f->count]) == OK ? (f->count++, OK) : ERR_NO_MEMORY;
}

/* What runs of that file, or of all with `file` NULL, joins the list. Gives their number. */
static int32_t keep(const orchestrator_traders *t, trader_folder *f, const char *file) {
    const trader_set *set = screener_traders(t->screener);
    int32_t n = 0;
    for (int32_t i = 0; set && i < set->count; i++) {
        const trader *one = set->traders[i];
        if (!one || (file && strcmp(one->source->file, file) != 0)) continue;
        if (add_source(f, one->source) != OK) log_error("traders", "%s: out of memory", one->source->chunk);
        n++;
    }
    return n;
}

static void tell_problem(const orchestrator_traders *t, const problem *p) {
    if (t->config.on_problem) t->config.on_problem(t->config.context, p->id, p->why.text);
}

/* Files that cannot be used: what they were before stays on the list. */
static void keep_failed_files(orchestrator_traders *t, trader_folder *f) {
    problem_list next = {.items = calloc((size_t)f->n_failures + 1, sizeof *next.items)};
    for (int32_t i = 0; next.items && i < f->n_failures; i++) {
        const trader_file_failure *failure = &f->failures[i];
        problem *p = &next.items[next.count++];
        snprintf(p->key, sizeof p->key, "%s", failure->key);
        trader_id_of(p->key, p->id);
        p->why = failure->why;
        p->has_last_good = keep(t, f, failure->file) > 0;
        if (orchestrator_problems_has(&t->files, p)) continue;
        log_error("traders", "%s%s", p->why.text, p->has_last_good ? " (the version before it runs on)" : "");
        tell_problem(t, p);
    }
    orchestrator_problems_replace(&t->files, next, t->errors);
}

/* Where only changes over HTTP are new, what has failed would fail again: they are for the version that runs. */
static void hold_failed(orchestrator_traders *t, trader_folder *f) {
    for (int32_t k = 0; k < t->loads.count; k++) {
        problem *p = &t->loads.items[k];
        const trader *one = orchestrator_traders_running(t, p->key);
        for (int32_t i = 0; one && i < f->count; i++) {
            trader_source *copy;
            if (strcmp(f->sources[i]->key, p->key) != 0 || trader_source_copy(one->source, &copy) != OK) continue;
            trader_source_free(f->sources[i]);
            f->sources[i] = copy;
            p->is_held = true;
        }
    }
}

static void apply_changes(const orchestrator_traders *t, trader_folder *f) {
    for (int32_t i = 0; i < f->count; i++) {
        diag why;
        if (trader_overrides_apply(t->wanted, f->sources[i], &why) != OK) log_error("traders", "%s", why.text);
    }
}

/* The list is the same, so what is not held any more is what runs: the file is again as it was. */
static void forget_mended(orchestrator_traders *t) {
    for (int32_t i = t->loads.count - 1; i >= 0; i--)
        if (t->loads.items[i].has_last_good && !t->loads.items[i].is_held)
            orchestrator_problems_forget(&t->loads, t->loads.items[i].key, t->errors);
}

/* Equal texts for equal lists; NULL without memory. */
static char *list_text(const trader_folder *f) {
    json_writer w;
    char *text = NULL;
    size_t bytes;
    json_writer_init(&w);
    json_write_array(&w);
    for (int32_t i = 0; i < f->count; i++) {
        const trader_source *s = f->sources[i];
        json_write_text(&w, s->key);
        json_write_text(&w, s->revision);
        json_write_text(&w, s->name);
        json_write_integer(&w, s->enabled);
        json_write_bool(&w, s->is_variant);
    }
    json_write_array_end(&w);
    if (json_writer_take(&w, &text, &bytes) != OK) text = NULL;
    json_writer_deinit(&w);
    return text;
}

/* Takes the sources. */
static void ask_for(orchestrator_traders *t, trader_folder *f) {
    char *files = list_text(f), *text;
    bool is_same;
    err e;
    for (int32_t i = 0; i < t->loads.count; i++) t->loads.items[i].is_held = false;
    if (files && t->sent_files && strcmp(files, t->sent_files) == 0) hold_failed(t, f);
    free(t->sent_files);
    t->sent_files = files;
    apply_changes(t, f);
    text = list_text(f);
    is_same = text && t->sent && strcmp(text, t->sent) == 0;
    e = trader_overrides_copy(t->tried, t->wanted, NULL);
    if (is_same || e != OK) {
        free(text);
        if (e == OK) {
            forget_mended(t);
            (void)settle_changes(t); /* they say what the files say */
        } else
            log_error("traders", "changes over HTTP: %s", error_text(e));
        return;
    }
    free(t->sent);
    t->sent = text;
    t->is_loading = true;
    if (t->has_loaded) orchestrator_look_start(t->look);
    orchestrator_errors_collect(t->errors, screener_traders(t->screener)); /* some of them end now */
    e = screener_load(t->screener, f->sources, f->count);
    f->sources = NULL;
    if (e != OK) log_error("traders", "they are not loaded: %s", error_text(e));
}

/* ---- the folder ---- */

/* An empty folder is looked at twice: some programs empty it to fill it again. */
static bool is_empty_for_sure(orchestrator_traders *t, const trader_folder *f) {
    if (t->config.scan) return true;
    bool is_empty = f->count + f->n_failures == 0 && trader_set_running(screener_traders(t->screener)) > 0,
         was_empty = t->is_empty;
    t->is_empty = is_empty;
    if (!is_empty) return true;
    if (!was_empty) {
        folder_watch_again(t->watch, EMPTY_MS);
        return false;
    }
    log_warn("traders", "no trader is left in %s: all of them end", t->config.folder);
    return true;
}

/* True when there is a list to make, although the folder cannot be read. */
static bool keep_without_folder(orchestrator_traders *t, trader_folder *f, const char *why) {
    if (!t->is_gone && t->config.folder)
        log_error("traders", "%s; the traders that run go on", why);
    else if (!t->is_gone)
        log_info("traders", "%s", why);
    t->is_gone = true;
    *f = (trader_folder){0};
    if (trader_overrides_equal(t->wanted, t->stored, NULL)) return false;
    return keep(t, f, NULL) > 0;
}

static err scan(const orchestrator_traders *t, trader_folder *f, diag *why) {
    if (t->config.scan) return t->config.scan(t->config.scan_context, f, why);
    err e = trader_folder_scan(t->config.folder, f, why);
    if (e == OK && t->config.add) e = t->config.add(t->config.scan_context, f, why);
    return e;
}

static void tell_settled(const orchestrator_traders *t) {
    if (t->has_loaded && !t->is_loading && t->config.on_settled) t->config.on_settled(t->config.scan_context);
}

static void read_again(orchestrator_traders *t) {
    trader_folder f;
    diag why;
    bool has_list;
    if (t->is_stopped) return;
    if (t->is_loading) {
        t->is_wanted_again = true;
        return;
    }
    if (scan(t, &f, &why) != OK) {
        has_list = keep_without_folder(t, &f, why.text);
    } else {
        if (t->is_gone && t->config.folder) log_info("traders", "%s is there again", t->config.folder);
        t->is_gone = false;
        has_list = is_empty_for_sure(t, &f);
        if (has_list) keep_failed_files(t, &f);
    }
    if (has_list) ask_for(t, &f);
    trader_folder_deinit(&f);
    (void)orchestrator_errors_flush(t->errors);
    tell_settled(t);
}

void orchestrator_traders_list_again(orchestrator_traders *t) { read_again(t); }

static void on_change(void *context) { read_again(context); }

void orchestrator_traders_reload(orchestrator_traders *t) {
    if (!t->is_loading) { /* what failed for another reason than its text is tried again */
        free(t->sent);
        free(t->sent_files);
        t->sent = t->sent_files = NULL;
    }
    read_again(t);
}

/* ---- what has become of them ---- */

static const version *find_version(const orchestrator_traders *t, const trader_spec *spec) {
    for (int32_t i = 0; i < t->n_versions; i++)
        if (strcmp(t->versions[i].id, spec->id) == 0) return &t->versions[i];
    return NULL;
}

static bool is_same_version(const version *v, const trader_spec *spec) {
    return v && strcmp(v->revision, spec->revision) == 0 && v->is_enabled == spec->is_enabled;
}

static bool runs(const trader_set *set, const char *id) {
    for (int32_t i = 0; i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->id, id) == 0) return true;
    return false;
}

/* Errors of versions that are gone are past; at the start those of all. New ones are looked at. */
static void compare_versions(orchestrator_traders *t, const trader_set *set) {
    for (int32_t i = 0; i < t->n_versions; i++)
        if (!runs(set, t->versions[i].id)) orchestrator_errors_resolve(t->errors, t->versions[i].id);
    for (int32_t i = 0; i < set->count; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        if (!spec || is_same_version(find_version(t, spec), spec)) continue;
        orchestrator_errors_resolve(t->errors, spec->id);
        if (t->has_loaded && spec->is_enabled && symbol_table_count(t->config.symbols) > 0)
            orchestrator_look_expect(t->look, spec);
    }
}

static void keep_versions(orchestrator_traders *t, const trader_set *set) {
    version *next = calloc((size_t)set->count + 1, sizeof *next);
    int32_t n = 0;
    for (int32_t i = 0; next && i < set->count; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        if (!spec) continue;
        memcpy(next[n].id, spec->id, sizeof next[n].id);
        memcpy(next[n].revision, spec->revision, sizeof next[n].revision);
        next[n++].is_enabled = spec->is_enabled;
    }
    free(t->versions);
    t->versions = next;
    t->n_versions = n;
}

static void keep_failures(orchestrator_traders *t) {
    int32_t n = 0;
    const trader_failure *failures = screener_failures(t->screener, &n);
    problem_list next = {.items = calloc((size_t)(n + t->loads.count) + 1, sizeof *next.items)};
    for (int32_t i = 0; next.items && i < t->loads.count; i++)
        if (t->loads.items[i].is_held) next.items[next.count++] = t->loads.items[i];
    for (int32_t i = 0; next.items && i < n; i++) {
        const trader_failure *f = &failures[i];
        problem *p = &next.items[next.count++];
        memcpy(p->key, f->key, sizeof p->key);
        memcpy(p->id, f->id, sizeof p->id);
        memcpy(p->revision, f->revision, sizeof p->revision);
        p->has_last_good = f->has_last_good;
        p->why = f->why;
        if (orchestrator_problems_has(&t->loads, p)) continue;
        tell_problem(t, p);
        if (trader_overrides_has(t->stored, p->key))
            log_warn("traders", "%s: changes over HTTP lie on top of this file", f->chunk);
    }
    orchestrator_problems_replace(&t->loads, next, t->errors);
}

void orchestrator_traders_loaded(orchestrator_traders *t, const trader_set *set) {
    bool is_wanted_again = t->is_wanted_again;
    t->is_loading = t->is_wanted_again = false;
    compare_versions(t, set);
    keep_versions(t, set);
    keep_failures(t);
    if (settle_changes(t)) is_wanted_again = true;
    t->has_loaded = true;
    orchestrator_look_go_on(t->look);
    (void)orchestrator_errors_flush(t->errors);
    if (is_wanted_again)
        read_again(t);
    else
        tell_settled(t);
}

const char *orchestrator_traders_problem(const orchestrator_traders *t, const char *key) {
    const problem *p = orchestrator_problems_find(&t->files, key);
    if (!p) p = orchestrator_problems_find(&t->loads, key);
    return p ? p->why.text : NULL;
}

/* ---- first looks ---- */

void orchestrator_traders_passed_barrier(orchestrator_traders *t) {
    if (t->look) orchestrator_look_passed_barrier(t->look);
}

static void count_signals(const trader_set *set, const pass *p, uint32_t n_new) {
    for (uint32_t i = 0; i < n_new; i++) {
        int32_t place = p->signals[i].state == SIGNAL_HISTORICAL ? -1 : trader_set_find(set, p->signals[i].trader);
        if (place >= 0) set->traders[place]->n_told++;
    }
}

void orchestrator_traders_committed(orchestrator_traders *t, const pass *p, uint32_t n_new) {
    if (n_new) count_signals(screener_traders(t->screener), p, n_new);
    if (t->look) orchestrator_look_note(t->look, p);
}

/* ---- errors ---- */

static void on_errors(uv_timer_t *timer) {
    orchestrator_traders *t = timer->data;
    orchestrator_errors_collect(t->errors, screener_traders(t->screener));
    (void)orchestrator_errors_flush(t->errors);
    if (t->is_unsaved) save_changes(t);
}

/* ---- start and stop ---- */

static void free_all(orchestrator_traders *t) {
    trader_overrides_free(t->wanted);
    trader_overrides_free(t->tried);
    trader_overrides_free(t->stored);
    orchestrator_errors_free(t->errors);
    free(t->sent);
    free(t->sent_files);
    free(t->files.items);
    free(t->loads.items);
    free(t->versions);
    free(t);
}

static err restore(orchestrator_traders *t, diag *why) {
    char *text = malloc(TRADER_OVERRIDES_BYTES);
    err e = text ? storage_read_setting(t->config.storage, SETTING, text, TRADER_OVERRIDES_BYTES, why)
                 : diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = trader_overrides_new(text, &t->stored, why);
    if (e == OK) e = trader_overrides_new(text, &t->tried, why);
    if (e == OK) e = trader_overrides_new(text, &t->wanted, why);
    free(text);
    return e;
}

err orchestrator_traders_new(const orchestrator_traders_config *config, orchestrator_traders **out, diag *why) {
    orchestrator_traders *t = calloc(1, sizeof *t);
    err e;
    if (!t) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    t->config = *config;
    e = restore(t, why);
    if (e == OK && orchestrator_errors_new(config->storage, &t->errors) != OK)
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e != OK) {
        free_all(t);
        return e;
    }
    uv_timer_init(config->loop, &t->errors_timer);
    t->errors_timer.data = t;
    *out = t;
    return OK;
}

/* A folder that is not there is a mistake of whoever named it; an empty one is how an install begins. */
static err check_folder(const orchestrator_traders *t, diag *why) {
    trader_folder f;
    err e = scan(t, &f, why);
    if (e == OK && f.count == 0 && f.n_failures == 0)
        log_warn("traders",
                 "there is no trader in %s yet, so that nothing is screened: write one in the editor of the dashboard, "
                 "or put a .lua file there (trademind new makes one)",
                 t->config.folder);
    trader_folder_deinit(&f);
    return e;
}

err orchestrator_traders_start(orchestrator_traders *t, screener *s, diag *why) {
    err e = t->config.folder ? check_folder(t, why) : OK;
    orchestrator_look_config look = {.loop = t->config.loop,
                                     .symbols = t->config.symbols,
                                     .screener = s,
                                     .storage = t->config.storage,
                                     .work_left = t->config.work_left,
                                     .context = t->config.context};
    t->screener = s;
    if (e == OK &&
        (orchestrator_look_open(&look, &t->look) != OK ||
         (t->config.folder && folder_watch_open(t->config.loop, t->config.folder, on_change, t, &t->watch) != OK)))
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e != OK) return e;
    uv_timer_start(&t->errors_timer, on_errors, ERRORS_MS, ERRORS_MS);
    read_again(t); /* after the watch: whatever comes from now on is seen */
    return OK;
}

void orchestrator_traders_stop(orchestrator_traders *t) {
    if (t->is_stopped) return;
    t->is_stopped = true;
    folder_watch_close(t->watch);
    t->watch = NULL;
    uv_timer_stop(&t->errors_timer);
    orchestrator_look_close(t->look);
    t->look = NULL;
    if (!t->screener) return;
    orchestrator_errors_collect(t->errors, screener_traders(t->screener));
    (void)orchestrator_errors_flush(t->errors);
}

bool orchestrator_traders_have_failed(const orchestrator_traders *t) { return t->files.count + t->loads.count > 0; }

static void on_closed(uv_handle_t *handle) { free_all(handle->data); }

void orchestrator_traders_close(orchestrator_traders *t) {
    if (t) uv_close((uv_handle_t *)&t->errors_timer, on_closed);
}
