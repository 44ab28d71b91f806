/* Storage does a write before it collects the passes that wait. So the second of two writes, asked for when the first has been
 * answered, is done when all that was submitted before the first one is committed, and it is answered when that has been told. */
#include "orchestrator_orders.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING "paused"
enum { N_WRITES = 2 };

typedef enum step {
    STEP_WORKERS, /* a pause: until all of them know */
    STEP_WRITE,   /* until both writes are done, of which a pause's first one says so */
    STEP_SEND,    /* a flush: until the cloud has it */
    STEP_DONE
} step;

typedef struct order {
    struct order *next;
    orchestrator *owner;
    bool is_pause, is_paused; /* a pause or its end; else a flush */
    bool is_writing;
    int n_written;
    step step;
    serve_answer_fn answer;
    void *request;
} order;

struct orchestrator_orders {
    orchestrator *owner;
    order *first;
    uint32_t n_pausing; /* told to the screener, not known to its workers yet */
};

err orchestrator_orders_restore(orchestrator *o, diag *why) {
    char value[8];
    err e = storage_read_setting(o->storage, SETTING, value, sizeof value, why);
    if (e == OK) o->is_paused = strcmp(value, "1") == 0;
    return e;
}

err orchestrator_orders_new(orchestrator *o, orchestrator_orders **out) {
    orchestrator_orders *all = calloc(1, sizeof *all);
    if (!all) return ERR_NO_MEMORY;
    all->owner = o;
    *out = all;
    return OK;
}

/* ---- one order ---- */

static void go_on(order *a);

static void end(order *a, err e, const char *text) {
    a->step = STEP_DONE;
    a->answer(a->request, e, text);
}

static err run_write(local_db *db, void *job, diag *why) {
    const order *a = job;
    if (!a->is_pause || a->n_written > 0) return OK;
    return local_db_set_setting(db, SETTING, a->is_paused ? "1" : "0", why);
}

static void on_written(void *job, err e, const char *why) {
    order *a = job;
    a->is_writing = false;
    if (a->step == STEP_DONE) return;
    a->n_written++;
    if (e != OK)
        end(a, e, why);
    else
        go_on(a);
}

/* Storage takes it when it has room. */
static void ask_to_write(order *a) {
    if (!a->is_writing) a->is_writing = storage_write(a->owner->storage, run_write, on_written, a) == OK;
}

static void tell_sent(order *a) {
    const char *why = NULL;
    bool is_complete = !a->owner->cloud || orchestrator_cloud_has_sent_all(a->owner->cloud, &why);
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_bool(&w, "complete", is_complete);
    json_put_bool(&w, "cloud", a->owner->supabase != NULL);
    if (!is_complete) json_put_text(&w, "why", why);
    json_write_object_end(&w);
    if (json_writer_text(&w))
        end(a, OK, json_writer_text(&w));
    else
        end(a, ERR_NO_MEMORY, error_text(ERR_NO_MEMORY));
    json_writer_deinit(&w);
}

static void end_writing(order *a) {
    orchestrator *o = a->owner;
    if (a->is_pause) {
        end(a, OK, a->is_paused ? "{\"status\":\"paused\"}" : "{\"status\":\"running\"}");
        return;
    }
    a->step = STEP_SEND;
    if (o->cloud) orchestrator_cloud_force(o->cloud);
}

static void go_on(order *a) {
    const orchestrator *o = a->owner;
    if (a->step == STEP_WORKERS && o->orders->n_pausing == 0) a->step = STEP_WRITE;
    if (a->step == STEP_WRITE && a->n_written == N_WRITES)
        end_writing(a);
    else if (a->step == STEP_WRITE && storage_health(o->storage) == STORAGE_FAILING)
        end(a, ERR_DATABASE, "the local database cannot be written for the time being; it is tried again");
    else if (a->step == STEP_WRITE)
        ask_to_write(a);
    if (a->step == STEP_SEND && (!o->cloud || !orchestrator_cloud_is_sending(o->cloud))) tell_sent(a);
}

void orchestrator_orders_go_on(orchestrator_orders *all) {
    for (order *a = all->first; a; a = a->next) go_on(a);
    for (order **at = &all->first; *at;) {
        order *a = *at;
        if (a->step == STEP_DONE && !a->is_writing) {
            *at = a->next;
            free(a);
        } else {
            at = &a->next;
        }
    }
}

/* In the order of their coming: of two pauses the later one is kept. NULL: it is answered. */
static order *add(orchestrator *o, serve_answer_fn answer, void *request) {
    order **at = o->orders ? &o->orders->first : NULL;
    order *a = at && !o->is_stopping ? calloc(1, sizeof *a) : NULL;
    if (!a) {
        answer(request, ERR_CLOSED, at && !o->is_stopping ? "out of memory" : "the daemon starts or stops");
        return NULL;
    }
    *a = (order){.owner = o, .answer = answer, .request = request};
    while (*at) at = &(*at)->next;
    *at = a;
    return a;
}

void orchestrator_orders_force_sync(void *context, serve_answer_fn answer, void *request) {
    order *a = add(context, answer, request);
    if (!a) return;
    a->step = STEP_WRITE;
    go_on(a);
}

/* ---- pause ---- */

static void show(orchestrator *o) {
    if (o->is_paused && strcmp(o->status, "running") == 0) orchestrator_set_status(o, "paused");
    if (!o->is_paused && strcmp(o->status, "paused") == 0) orchestrator_set_status(o, "running");
}

void orchestrator_orders_paused(void *context) {
    orchestrator *o = context;
    o->orders->n_pausing = 0;
    if (!o->is_stopping) show(o);
}

void orchestrator_orders_set_paused(void *context, bool is_paused, serve_answer_fn answer, void *request) {
    orchestrator *o = context;
    order *a = add(o, answer, request);
    if (!a) return;
    a->is_pause = true;
    a->is_paused = is_paused;
    if (is_paused != o->is_paused) {
        o->is_paused = is_paused;
        o->orders->n_pausing++;
        log_info("orchestrator", is_paused ? "paused: traders are not evaluated until somebody resumes"
                                           : "resumed: traders go on where they were");
        if (o->cloud)
            orchestrator_cloud_event(o->cloud, is_paused ? "machine_paused" : "machine_resumed", "info",
                                     is_paused ? "the machine is paused" : "the machine goes on", NULL);
        if (screener_set_paused(o->screener, is_paused) != OK) orchestrator_fail(o, "out of memory");
    }
}

/* ---- the end ---- */

void orchestrator_orders_close(orchestrator_orders *all) {
    if (!all) return;
    for (order *a = all->first, *next; a; a = next) {
        next = a->next;
        if (a->step != STEP_DONE) a->answer(a->request, ERR_CLOSED, "the daemon stops");
        free(a);
    }
    free(all);
}
