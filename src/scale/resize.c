/* An update whose reply was lost may have been carried out: then the machine is read, and what it says is believed. It
 * names the version that was read, so that asking twice cannot change it twice. */
#include "scale/resize.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEASE_S = 120, STOP_BY_MS = 60000, RETRY_MS = 2000, MOST_LOOKS = 10, MOST_UPDATES = 2, MOST_RELEASES = 3 };

typedef enum step { LEASING, READING, PREPARING, UPDATING, STOPPING, LOOKING, VERIFYING, RELEASING, ENDED } step;

struct resize {
    uv_timer_t timer;
    fly_machines *client;
    char app[FLY_NAME_BYTES], machine[FLY_NAME_BYTES], nonce[FLY_NONCE_BYTES];
    scaler_size target;
    int32_t lease_s;
    int64_t stop_by_ms, retry_ms;
    resize_handlers handlers;
    step step;
    int n_looks, n_updates, n_releases;
    fly_machine found;
    char *update; /* its body */
    resize_end end;
    char why[256];
    bool is_busy, is_freed; /* a call is under way */
};

static void ask(resize *r);
static void look_again(resize *r, int64_t wait_ms);

/* ---- life ---- */

err resize_new(const resize_config *c, resize **out) {
    resize *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->client = c->client;
    r->target = c->target;
    r->lease_s = c->lease_s ? c->lease_s : LEASE_S;
    r->stop_by_ms = c->stop_by_ms ? c->stop_by_ms : STOP_BY_MS;
    r->retry_ms = c->retry_ms ? c->retry_ms : RETRY_MS;
    r->handlers = c->handlers;
    snprintf(r->app, sizeof r->app, "%s", c->app);
    snprintf(r->machine, sizeof r->machine, "%s", c->machine);
    uv_timer_init(c->loop, &r->timer);
    r->timer.data = r;
    *out = r;
    return OK;
}

static void on_timer_closed(uv_handle_t *handle) {
    resize *r = handle->data;
    free(r->update);
    free(r);
}

/* The last call that is under way still comes back. */
static void close_timer(resize *r) {
    if (!r->is_busy && !uv_is_closing((uv_handle_t *)&r->timer)) uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

void resize_free(resize *r) {
    if (!r || r->is_freed) return;
    r->is_freed = true;
    uv_timer_stop(&r->timer);
    close_timer(r);
}

static void finish(resize *r) {
    r->step = ENDED;
    r->handlers.on_end(r->handlers.context, r->end, &r->found, r->why);
}

/* ---- the way ---- */

static void go_to(resize *r, step next) {
    r->step = next;
    ask(r);
}

static void release(resize *r, resize_end end, const char *why) {
    r->end = end;
    if (why != r->why) snprintf(r->why, sizeof r->why, "%s", why);
    if (*r->nonce)
        go_to(r, RELEASING);
    else
        finish(r);
}

void resize_start(resize *r) { go_to(r, LEASING); }

void resize_verify(resize *r, const char *nonce) {
    snprintf(r->nonce, sizeof r->nonce, "%s", nonce);
    go_to(r, VERIFYING);
}

static bool has_target(const resize *r) {
    return r->found.cpus == r->target.cpus && r->found.memory_mb == r->target.memory_mb;
}

void resize_prepared(resize *r, err error) {
    if (r->step != PREPARING) return;
    if (error)
        release(r, RESIZE_NOT, error_text(error));
    else
        go_to(r, UPDATING);
}

static void on_leased(resize *r, const fly_answer *a) {
    if (a->outcome != FLY_OK) {
        release(r, RESIZE_NOT, a->outcome == FLY_CONFLICT ? "another holds the machine's lease" : a->why);
    } else if (!fly_nonce_of(a->body, r->nonce)) {
        release(r, RESIZE_NOT, "the lease has no nonce");
    } else {
        err e = r->handlers.keep(r->handlers.context, r->nonce);
        if (e != OK)
            release(r, RESIZE_NOT, error_text(e));
        else
            go_to(r, READING);
    }
}

static void on_read(resize *r, const fly_answer *a) {
    if (a->outcome != FLY_OK || !fly_machine_of(a->body, &r->found)) {
        release(r, RESIZE_NOT, a->outcome == FLY_OK ? "Fly does not say what the machine is" : a->why);
        return;
    }
    if (has_target(r)) {
        release(r, RESIZE_DONE, "it has that size already");
        return;
    }
    free(r->update);
    r->update = fly_resize_body(a->body, r->target.cpus, r->target.memory_mb);
    if (!r->update) {
        release(r, RESIZE_NOT, error_text(ERR_NO_MEMORY));
        return;
    }
    r->step = PREPARING;
    r->handlers.prepare(r->handlers.context, &r->found);
}

static void on_updated(resize *r, const fly_answer *a) {
    snprintf(r->why, sizeof r->why, "%s", a->why);
    switch (a->outcome) {
    case FLY_OK:
        r->step = STOPPING;
        look_again(r, r->stop_by_ms);
        break;
    case FLY_LOST:
    case FLY_FAILED:
    case FLY_TIMED_OUT:
    case FLY_CONFLICT: /* the version is another: perhaps because an update whose reply was lost was ours */
        r->step = LOOKING;
        look_again(r, r->retry_ms);
        break;
    default: release(r, RESIZE_NOT, a->why);
    }
}

/* After an update that may have happened. */
static void on_looked(resize *r, const fly_answer *a) {
    fly_machine seen;
    bool is_known = a->outcome == FLY_OK && fly_machine_of(a->body, &seen), is_same = false;
    if (is_known) {
        is_same = strcmp(seen.version, r->found.version) == 0;
        r->found = seen;
    }
    if (++r->n_looks >= MOST_LOOKS) {
        release(r,
                !is_known       ? RESIZE_UNKNOWN
                : has_target(r) ? RESIZE_DONE
                                : RESIZE_NOT,
                *r->why ? r->why : "it was not restarted");
    } else if (!is_known) {
        look_again(r, r->retry_ms);
    } else if (has_target(r)) {
        r->step = STOPPING;
        look_again(r, r->stop_by_ms);
    } else if (!is_same || r->n_updates >= MOST_UPDATES) {
        release(r, RESIZE_NOT, *r->why ? r->why : "somebody else has changed the machine");
    } else {
        go_to(r, UPDATING);
    }
}

/* A later run. Fly may be out of reach for a while; the lease has an end. */
static void on_verified(resize *r, const fly_answer *a) {
    bool is_known = a->outcome == FLY_OK && fly_machine_of(a->body, &r->found);
    if (is_known)
        release(r, has_target(r) ? RESIZE_DONE : RESIZE_NOT, "as an earlier run left it");
    else if (++r->n_looks < MOST_LOOKS)
        look_again(r, r->retry_ms);
    else
        release(r, RESIZE_UNKNOWN, *a->why ? a->why : "Fly does not say what the machine is");
}

/* One that is gone, or another's by now, is released as well. */
static void on_released(resize *r, const fly_answer *a) {
    bool is_over = a->outcome == FLY_OK || a->outcome == FLY_NOT_FOUND || a->outcome == FLY_CONFLICT;
    if (is_over || ++r->n_releases >= MOST_RELEASES)
        finish(r);
    else
        look_again(r, r->retry_ms);
}

/* ---- asking ---- */

static void on_answer(void *context, const fly_answer *a) {
    resize *r = context;
    r->is_busy = false;
    if (r->is_freed) {
        close_timer(r);
        return;
    }
    if (a->outcome == FLY_CANCELLED) return;
    switch (r->step) {
    case LEASING: on_leased(r, a); break;
    case READING: on_read(r, a); break;
    case UPDATING: on_updated(r, a); break;
    case STOPPING:
    case LOOKING: on_looked(r, a); break;
    case VERIFYING: on_verified(r, a); break;
    case RELEASING: on_released(r, a); break;
    default: break;
    }
}

static void ask(resize *r) {
    static const fly_action actions[] = {
        [LEASING] = FLY_LEASE, [READING] = FLY_GET,   [UPDATING] = FLY_UPDATE,  [STOPPING] = FLY_GET,
        [LOOKING] = FLY_GET,   [VERIFYING] = FLY_GET, [RELEASING] = FLY_UNLEASE};
    char lease[96];
    snprintf(lease, sizeof lease, "{\"ttl\":%d,\"description\":\"trademind scales\"}", r->lease_s);
    fly_request q = {.action = actions[r->step],
                     .app = r->app,
                     .machine = r->machine,
                     .nonce = *r->nonce ? r->nonce : NULL,
                     .body = r->step == LEASING    ? lease
                             : r->step == UPDATING ? r->update
                                                   : NULL,
                     .on_done = on_answer,
                     .context = r};
    if (r->step == UPDATING) r->n_updates++;
    r->is_busy = true;
    err e = fly_machines_send(r->client, &q);
    if (e == OK) return;
    r->is_busy = false;
    snprintf(r->why, sizeof r->why, "%s", error_text(e));
    if (e == ERR_CLOSED) return; /* it ends with its owner */
    r->end = r->n_updates ? RESIZE_UNKNOWN : RESIZE_NOT;
    finish(r);
}

static void on_timer(uv_timer_t *timer) { ask(timer->data); }

static void look_again(resize *r, int64_t wait_ms) { uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0); }
