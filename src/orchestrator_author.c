/* See orchestrator_author.h. One edit goes through these hands:
 *
 *   begin ── run_open ──► on_open ── leaves the lab ──► orchestrator_keep ──► on_kept ──► waits ──► orchestrator_author_settled
 *                            └─ run_findings ──► on_findings: 422
 *
 * Edits that wait are in a list, which the next list of traders that has been compiled answers. */
#include "orchestrator_author.h"
#include "base/clock.h"
#include "check/study.h"
#include "orchestrator_body.h"
#include "orchestrator_findings.h"
#include "orchestrator_keep.h"
#include "orchestrator_problems.h"
#include "orchestrator_traders_tell.h"
#include "script/script_setup.h"
#include "serve/outcome.h"
#include "sync/signal_table.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct edit {
    lab_visitor lab; /* first */
    struct edit *next;
    orchestrator *o;
    serve_reply reply;
    bool is_removal, wants_key; /* wants_key: nobody has named it */
    trader_source *source;
    char *inputs, *description;
    int32_t enabled; /* 1, 0; -1: as the script says */
    findings_step findings;
    study *study;
    err failure;
    diag why;
    keep_order order;
    char id[TRADER_ID_MAX], present_id[TRADER_ID_MAX]; /* present: of what runs of the one that is edited */
    int64_t n_open;
    int n_rounds; /* of reading Supabase since it was written, that have changed nothing */
    int status;   /* of the answer when all went well */
} edit;

struct orchestrator_author {
    orchestrator *o;
    edit *waiting;
};

err orchestrator_author_new(orchestrator *o, orchestrator_author **out) {
    *out = calloc(1, sizeof **out);
    if (!*out) return ERR_NO_MEMORY;
    (*out)->o = o;
    return OK;
}

static edit *edit_of(lab_visitor *v) { return (edit *)v; }

static void free_edit(edit *e) {
    findings_step_deinit(&e->findings);
    study_close(e->study);
    trader_source_free(e->source);
    free(e->inputs);
    free(e->description);
    free(e);
}

/* ---- told ---- */

void orchestrator_author_describe(void *context, const char *key, const trader_source *running, bool has_newer,
                                  trader_status *status) {
    const orchestrator *o = context;
    trader_origin origin;
    if (!orchestrator_keep_origin(o, key, running, &origin)) return;
    status->origin = trader_origin_name(origin);
    status->is_editable = origin != ORIGIN_BUILT_IN && !(running && running->is_variant && origin == ORIGIN_FILE);
    if (running && !has_newer) {
        snprintf(status->version, sizeof status->version, "%s", running->version);
        return;
    }
    kept_trader kept;
    if (orchestrator_keep_find(o, key, running, &kept) != OK) return;
    snprintf(status->version, sizeof status->version, "%s", kept.version);
    kept_trader_deinit(&kept);
}

/* The object of the list, and the script behind it. */
static void write_with_source(const orchestrator *o, const found_trader *one, const char *code, json_writer *w) {
    json_writer item;
    json_writer_init(&item);
    orchestrator_traders_write_one(o->traders, one, market_clock_now(&o->clock, monotonic_ms()),
                                   strcmp(o->status, "starting") == 0, &item);
    const char *text = json_writer_text(&item);
    char *members = text && *text == '{' ? strdup(text) : NULL;
    if (members) {
        members[strlen(members) - 1] = 0; /* its "}" */
        json_writer script;
        json_writer_init(&script);
        json_write_text(&script, code);
        char *whole = NULL;
        if (json_writer_text(&script) && asprintf(&whole, "%s,\"source\":%s}", members, json_writer_text(&script)) >= 0)
            json_write_raw(w, whole);
        free(whole);
        json_writer_deinit(&script);
    }
    free(members);
    json_writer_deinit(&item);
}

/* False: there is no such trader. */
static bool tell_one(const orchestrator *o, const char *name, int status, serve_reply to) {
    found_trader one;
    kept_trader kept = {.code = NULL};
    json_writer w;
    if (!orchestrator_traders_find(o->traders, name, &one)) return false;
    bool is_known = orchestrator_keep_find(o, one.key, one.running ? one.running->source : NULL, &kept) == OK;
    json_writer_init(&w);
    write_with_source(o, &one, is_known ? kept.code : NULL, &w);
    kept_trader_deinit(&kept);
    outcome_json(to, status, &w);
    return true;
}

static void get_trader(void *context, const char *key, serve_reply to) {
    if (!tell_one(context, key, 200, to)) outcome_problem(to, 404, "there is no trader \"%s\"", key);
}

/* ---- the end of an edit ---- */

static void answer_settled(edit *e) {
    if (e->is_removal && e->order.action == KEEP_ARCHIVE) {
        json_writer w;
        json_writer_init(&w);
        json_write_object(&w);
        json_put_bool(&w, "archived", true);
        json_put_integer(&w, "open_signals", e->n_open);
        json_write_object_end(&w);
        outcome_json(e->reply, 200, &w);
    } else if (e->is_removal) {
        outcome_empty(e->reply, 204);
    } else if (!tell_one(e->o, e->order.key, e->status, e->reply)) {
        outcome_problem(e->reply, 503,
                        "\"%s\" is kept, but does not run here: it is switched off, or the tier has no room for it",
                        e->order.key);
    }
    free_edit(e);
}

/* In the cloud the list comes with the next round of reading: until then it is not there, or the old one. */
static bool has_come(const edit *e) {
    found_trader one;
    bool is_there = orchestrator_traders_find(e->o->traders, e->order.key, &one);
    if (!e->o->cloud_traders) return true;
    if (e->is_removal) return !is_there;
    const trader_row *row = orchestrator_cloud_traders_find(e->o->cloud_traders, e->order.key);
    return is_there && row && row->code && strcmp(row->code, e->source->code) == 0;
}

void orchestrator_author_settled(void *context) {
    const orchestrator *o = context;
    edit *waiting = o->author ? o->author->waiting : NULL, *next;
    if (!waiting) return;
    o->author->waiting = NULL;
    for (; waiting; waiting = next) {
        next = waiting->next;
        if (has_come(waiting)) {
            answer_settled(waiting);
            continue;
        }
        waiting->next = o->author->waiting;
        o->author->waiting = waiting;
    }
}

/* A round may have begun before the row was written; the one after it knows the row. */
void orchestrator_author_read(void *context) {
    const orchestrator *o = context;
    bool wants_more = false;
    edit *waiting, *next;
    orchestrator_author_settled(context);
    waiting = o->author->waiting;
    o->author->waiting = NULL;
    for (; waiting; waiting = next) {
        next = waiting->next;
        if (++waiting->n_rounds >= 2) {
            answer_settled(waiting);
            continue;
        }
        wants_more = true;
        waiting->next = o->author->waiting;
        o->author->waiting = waiting;
    }
    if (wants_more) orchestrator_cloud_traders_now(o->cloud_traders);
}

static void tell_conflict(edit *e, const char *why) {
    found_trader one;
    kept_trader kept = {.code = NULL};
    char version[SHA256_TEXT_BYTES + 2];
    bool is_there = orchestrator_traders_find(e->o->traders, e->order.key, &one) &&
                    orchestrator_keep_find(e->o, one.key, one.running ? one.running->source : NULL, &kept) == OK;
    snprintf(version, sizeof version, "\"%s\"", kept.version);
    if (e->order.action == KEEP_NEW)
        outcome_problem(e->reply, 409, "there is a trader \"%s\" already; expected another id", e->order.key);
    else
        outcome_problem_with(e->reply, 409, why, is_there ? "version" : NULL, version);
    kept_trader_deinit(&kept);
}

static void on_kept(void *context, err error, const char *why) {
    edit *e = context;
    orchestrator *o = e->o;
    if (error == OK && !o->is_stopping) {
        e->next = o->author->waiting;
        o->author->waiting = e;
        if (o->cloud_traders)
            orchestrator_cloud_traders_now(o->cloud_traders);
        else
            orchestrator_traders_list_again(o->traders);
        return;
    }
    if (error == ERR_EXISTS)
        tell_conflict(e, why);
    else if (error == ERR_NOT_FOUND)
        outcome_problem(e->reply, 404, "there is no trader \"%s\" to be changed", e->order.key);
    else
        outcome_problem(e->reply, 503, "%s", error == OK ? error_text(ERR_CLOSED) : why);
    free_edit(e);
}

/* ---- in the lab ---- */

static void run_close(lab_visitor *lab) {
    edit *e = edit_of(lab);
    study_close(e->study);
    e->study = NULL;
}

/* It goes on outside: the lab is for the next one. */
static void on_out(lab_visitor *lab) {
    edit *e = edit_of(lab);
    orchestrator *o = e->o;
    diag why;
    err failed = OK;
    if (e->order.action == KEEP_NEW && e->order.origin == ORIGIN_FILE)
        failed = orchestrator_traders_begin_anew(o->traders, e->order.key,
                                                 e->enabled < 0 ? NULL
                                                 : e->enabled   ? "{\"enabled\":true}"
                                                                : "{\"enabled\":false}",
                                                 &why);
    else if (e->order.action == KEEP_NEW)
        failed = orchestrator_traders_begin_anew(o->traders, e->order.key, NULL, &why);
    if (failed == OK)
        orchestrator_keep(o, &e->order);
    else
        on_kept(e, failed, why.text);
    orchestrator_lab_leave(o->lab);
}

static void on_answered(lab_visitor *lab) {
    orchestrator_lab *l = edit_of(lab)->o->lab;
    free_edit(edit_of(lab));
    orchestrator_lab_leave(l);
}

static void answer(edit *e, int status, const char *why) {
    outcome_problem(e->reply, status, "%s", why);
    e->reply.done = NULL;
    orchestrator_lab_step(e->o->lab, run_close, on_answered);
}

static void cancel(lab_visitor *lab) {
    if (edit_of(lab)->reply.done) outcome_busy(edit_of(lab)->reply, ERR_CLOSED);
}

static void dispose(lab_visitor *lab) { free_edit(edit_of(lab)); }

static void run_findings(lab_visitor *lab) {
    edit *e = edit_of(lab);
    e->findings.source = e->source;
    e->findings.limits = script_limits_from(e->o->cfg);
    findings_step_run(&e->findings);
}

static void on_findings(lab_visitor *lab) {
    edit *e = edit_of(lab);
    char *text = findings_step_text(&e->findings, e->why.text, NULL);
    if (text)
        outcome_problem_with(e->reply, 422, e->why.text, "findings", text);
    else
        outcome_busy(e->reply, ERR_NO_MEMORY);
    free(text);
    e->reply.done = NULL;
    orchestrator_lab_step(e->o->lab, run_close, on_answered);
}

/* "RSI rebound, fast!" becomes rsi_rebound_fast. */
static void make_key(const char *name, char key[TRADER_KEY_MAX]) {
    size_t n = 0;
    for (; *name && n < TRADER_KEY_MAX - 1; name++) {
        bool is_plain = isalnum((unsigned char)*name) && (unsigned char)*name < 128;
        if (is_plain)
            key[n++] = (char)tolower((unsigned char)*name);
        else if (n > 0 && key[n - 1] != '_')
            key[n++] = '_';
    }
    while (n > 0 && key[n - 1] == '_') n--;
    key[n] = 0;
    if (n == 0) snprintf(key, TRADER_KEY_MAX, "trader");
}

static bool is_free(const edit *e, const char *key) {
    static const char *const paths[] = {"errors", "validate", "look"};
    found_trader one;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i], key) == 0) return false;
    return !orchestrator_traders_find(e->o->traders, key, &one);
}

/* A name that can be that of a file. */
static bool is_plain(const char *key) {
    size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
    return n > 0 && !key[n] && isalnum((unsigned char)key[0]);
}

/* As it was asked for, as the script says, or made of its name. False: it has been answered. */
static bool name_new(edit *e, const trader_spec *spec, bool says_so) {
    char why[256];
    if (e->wants_key && says_so)
        snprintf(e->order.key, sizeof e->order.key, "%s", spec->key);
    else if (e->wants_key)
        make_key(spec->name, e->order.key);
    bool is_other = !e->wants_key && says_so;
    if (is_other || !is_plain(e->order.key)) {
        snprintf(why, sizeof why, "the script calls itself \"%.64s\"; expected %s", spec->key,
                 is_other ? "that as the id, or none" : "a letter or digit first");
        answer(e, 400, why);
        return false;
    }
    if (is_free(e, e->order.key)) return true;
    snprintf(why, sizeof why, "there is a trader \"%.64s\" already; expected another id", e->order.key);
    answer(e, 409, why);
    return false;
}

/* False: it has been answered. */
static bool take_name(edit *e) {
    const trader_spec *spec = study_spec(e->study);
    bool says_so = strcmp(spec->key, e->source->key) != 0;
    char why[256];
    snprintf(e->order.name, sizeof e->order.name, "%s", spec->name);
    e->description = spec->description ? strdup(spec->description) : NULL;
    e->order.description = e->description;
    e->order.is_enabled = e->enabled < 0 ? spec->is_enabled : e->enabled;
    if (e->order.origin == ORIGIN_CLOUD) return true; /* a row has an id of its own, whatever the script says */
    if (e->order.action == KEEP_NEW) return name_new(e, spec, says_so);
    trader_id_of(spec->key, e->id);
    if (!*e->present_id || strcmp(e->id, e->present_id) == 0) return true;
    snprintf(why, sizeof why, "the script calls itself \"%.64s\" now, which is another trader; create a new one",
             spec->key);
    answer(e, 400, why);
    return false;
}

static void run_open(lab_visitor *lab) {
    edit *e = edit_of(lab);
    script_limits limits = script_limits_from(e->o->cfg);
    e->failure = study_open(&limits, e->source, &e->study, &e->why);
}

static void on_open(lab_visitor *lab) {
    edit *e = edit_of(lab);
    if (e->failure == ERR_SCRIPT || e->failure == ERR_RUNAWAY)
        orchestrator_lab_step(e->o->lab, run_findings, on_findings);
    else if (e->failure)
        answer(e, 503, e->why.text);
    else if (take_name(e))
        orchestrator_lab_step(e->o->lab, run_close, on_out);
}

static void begin(lab_visitor *lab) { orchestrator_lab_step(edit_of(lab)->o->lab, run_open, on_open); }

/* ---- what is asked ---- */

/* NULL: it has been answered. */
static edit *new_edit(orchestrator *o, keep_action action, trader_origin origin, const char *key, serve_reply to) {
    edit *e = calloc(1, sizeof *e);
    if (!e) {
        outcome_busy(to, ERR_NO_MEMORY);
        return NULL;
    }
    e->lab = (lab_visitor){.begin = begin, .cancel = cancel, .dispose = dispose};
    e->o = o;
    e->reply = to;
    e->enabled = -1;
    e->order = (keep_order){.action = action, .origin = origin, .on_done = on_kept, .context = e};
    snprintf(e->order.key, sizeof e->order.key, "%s", key);
    return e;
}

static void enter(edit *e, const trader_draft *draft, const char *inputs) {
    err failed = OK;
    if (inputs && !(e->inputs = strdup(inputs))) failed = ERR_NO_MEMORY;
    e->wants_key = !e->order.key[0];
    if (failed == OK)
        failed = trader_source_new(e->wants_key ? "draft" : e->order.key, "script", draft->source,
                                   strlen(draft->source), inputs, &e->source, &e->why);
    if (failed == OK && e->order.origin == ORIGIN_CLOUD) e->source->is_variant = true; /* the row's id counts */
    if (failed == OK) {
        e->order.code = e->source->code;
        e->order.inputs = e->inputs;
        failed = orchestrator_lab_enter(e->o->lab, &e->lab);
        if (failed == OK) return;
        outcome_busy(e->reply, failed);
    } else {
        outcome_problem(e->reply, failed == ERR_NO_MEMORY ? 503 : 400, "%s",
                        e->why.text[0] ? e->why.text : error_text(failed));
    }
    free_edit(e);
}

static bool is_ready(const orchestrator *o, serve_reply to) {
    if (!o->is_stopping && o->traders && screener_traders(o->screener)) return true;
    outcome_problem(to, 503, "the traders are still being loaded");
    return false;
}

static void create(void *context, const trader_draft *draft, serve_reply to) {
    orchestrator *o = context;
    if (!is_ready(o, to)) return;
    if (orchestrator_keep_place(o) == ORIGIN_CLOUD && draft->enabled == 0) {
        outcome_problem(to, 400,
                        "this machine knows those rows only that are switched on; create it so, then switch it off");
        return;
    }
    edit *e = new_edit(o, KEEP_NEW, orchestrator_keep_place(o), draft->key, to);
    if (!e) return;
    e->enabled = draft->enabled;
    e->status = 201;
    enter(e, draft, draft->inputs);
}

/* Where it is kept, when it may be changed; false: it has been answered. */
static bool find_editable(const orchestrator *o, const char *name, bool is_removal, found_trader *one,
                          kept_trader *kept, serve_reply to) {
    if (!is_ready(o, to)) return false;
    if (!orchestrator_traders_find(o->traders, name, one) ||
        orchestrator_keep_find(o, one->key, one->running ? one->running->source : NULL, kept) != OK) {
        outcome_problem(to, 404, "there is no trader \"%s\"", name);
        return false;
    }
    bool is_built_in = kept->origin == ORIGIN_BUILT_IN;
    if (!is_built_in && (is_removal || !kept->is_variant)) return true;
    if (is_built_in && is_removal)
        outcome_problem(to, 409, "%s is built in; it can be switched off", one->key);
    else if (is_built_in)
        outcome_problem(to, 409, "%s is built in; save it as a new one", one->key);
    else
        outcome_problem(to, 409, "%s uses the script of another; edit that one, or save it as a new one", one->key);
    kept_trader_deinit(kept);
    return false;
}

static void replace(void *context, const char *key, const trader_draft *draft, serve_reply to) {
    orchestrator *o = context;
    found_trader one;
    kept_trader kept;
    if (!find_editable(o, key, false, &one, &kept, to)) return;
    edit *e = new_edit(o, KEEP_REPLACE, kept.origin, one.key, to);
    if (e && strcmp(kept.version, draft->version) != 0) {
        tell_conflict(e, "it has changed meanwhile; expected the present version");
        free_edit(e);
    } else if (e) {
        e->status = 200;
        if (one.running) snprintf(e->present_id, sizeof e->present_id, "%s", one.id);
        snprintf(e->order.version, sizeof e->order.version, "%s", draft->version);
        enter(e, draft, kept.inputs);
    }
    kept_trader_deinit(&kept);
}

/* ---- removed ---- */

static err count_open(local_db *db, void *job, diag *why) {
    edit *e = job;
    return signal_table_count_open(db, e->id, &e->n_open, why);
}

static void on_counted(void *job, err error, const char *why) {
    edit *e = job;
    if (error != OK) {
        outcome_problem(e->reply, 503, "%s", why);
        free_edit(e);
        return;
    }
    e->order.action = e->n_open > 0 ? KEEP_ARCHIVE : KEEP_REMOVE;
    orchestrator_keep(e->o, &e->order);
}

static void remove_trader(void *context, const char *key, serve_reply to) {
    orchestrator *o = context;
    found_trader one;
    kept_trader kept;
    if (!find_editable(o, key, true, &one, &kept, to)) return;
    edit *e = new_edit(o, KEEP_REMOVE, kept.origin, one.key, to);
    kept_trader_deinit(&kept);
    if (!e) return;
    e->is_removal = true;
    snprintf(e->id, sizeof e->id, "%s", one.id);
    err failed = storage_read(o->storage, count_open, on_counted, e);
    if (failed == OK) return;
    outcome_busy(to, failed);
    free_edit(e);
}

/* ---- its life ---- */

void orchestrator_author_stop(orchestrator_author *a) {
    edit *next;
    if (!a) return;
    for (edit *e = a->waiting; e; e = next) {
        next = e->next;
        outcome_busy(e->reply, ERR_CLOSED);
        free_edit(e);
    }
    a->waiting = NULL;
}

void orchestrator_author_free(orchestrator_author *a) { free(a); }

void orchestrator_author_provide(serve_providers *out) {
    out->get_trader = get_trader;
    out->create_trader = create;
    out->replace_trader = replace;
    out->remove_trader = remove_trader;
}
