/* The row is the meeting point: whoever claims it is alone with this user's machine, by the database's clock. A claim is for
 * minutes and renewed at each step that may take long, so that one who dies does not block the user for ever. */
#include "provision/work.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum {
    CLAIM_S = 120,
    RENEW_BEFORE_MS = 90000, /* a wait and what is asked beside it take less */
    HEALTH_BY_MS = 240000,
    CLAIM_BY_MS = 300000,
    LOOK_MS = 2000,
    HEALTH_MS = 5000,
    WAIT_S = 30,
    FILTER_BYTES = 128
};

/* Longer than a claim: both are renewed together. */
static const char LEASE[] = "{\"ttl\":900,\"description\":\"trademind provision\"}";

static int64_t look_ms(const work *w) { return w->context->look_ms ? w->context->look_ms : LOOK_MS; }

/* ---- telling ---- */

err work_fail(work *w, err code, int http_status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(w->out->why.text, sizeof w->out->why.text, format, args);
    va_end(args);
    utf8_clean(w->out->why.text); /* it was cut, and others are asked to keep it */
    w->out->http_status = http_status;
    return code;
}

err work_fail_by(work *w, const dialogue_answer *a, const char *what) {
    switch (a->outcome) {
    case FLY_NO_CAPACITY:
        return work_fail(w, ERR_FULL, 503, "%s: there is no room for it in %s now; try again, or another region (%s)",
                         what, w->plan.region, a->why);
    case FLY_NOT_FOUND: return work_fail(w, ERR_NOT_FOUND, 404, "%s: %s", what, a->why);
    case FLY_CONFLICT: return work_fail(w, ERR_EXISTS, 409, "%s: %s", what, a->why);
    case FLY_LOST: return work_fail(w, ERR_NETWORK, 502, "%s: %s", what, a->why);
    default: return work_fail(w, ERR_HTTP, 502, "%s: %s", what, a->why);
    }
}

void work_tell(const work *w, const char *format, ...) {
    char text[256];
    va_list args;
    if (!w->context->on_step) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->context->on_step(w->context->step_context, text);
}

/* ---- life ---- */

err work_begin(work *w, const provision_context *c, const provision_request *r, provision_result *out) {
    unsigned char bytes[16];
    *w = (work){.context = c, .request = r, .out = out};
    *out = (provision_result){.http_status = 200};
    err e = machine_plan_make(r->user, r->app, r->region, r->cpus ? r->cpus : 1, c->regions, &w->plan, &out->why);
    if (e != OK) {
        out->http_status = 400;
        return e;
    }
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return work_fail(w, ERR_IO, 500, "the system gives no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(w->owner + 2 * i, 3, "%02x", bytes[i]);
    e = dialogue_open(&c->services, &w->talk, &out->why);
    if (e != OK) out->http_status = 500;
    return e;
}

static void call_with_owner(work *w, const char *name, bool is_claim, dialogue_answer *a) {
    json_t *arguments = json_pack("{s:s, s:s}", "user_id", w->plan.user, "owner", w->owner);
    if (arguments && is_claim) {
        json_object_set_new(arguments, "machine_id", json_string(w->plan.app));
        json_object_set_new(arguments, "seconds", json_integer(CLAIM_S));
    }
    char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
    json_decref(arguments);
    *a = (dialogue_answer){.outcome = FLY_LOST, .why = "out of memory"};
    if (text) dialogue_call(w->talk, name, text, a);
    free(text);
}

void work_end(work *w, err e) {
    dialogue_answer a;
    if (w->talk && w->has_claim) {
        if (e != OK) {
            diag why = w->out->why;
            int status = w->out->http_status;
            err ignored = work_write_row(
                w, json_pack("{s:s, s:s}", "status", w->is_well ? "running" : "error", "error_message", why.text));
            (void)ignored; /* the first failure is the one to tell */
            w->out->why = why;
            w->out->http_status = status;
            work_event(w, "machine_error", "error", why.text);
        }
        call_with_owner(w, "trademind_unclaim", false, &a);
        dialogue_answer_deinit(&a);
    }
    dialogue_close(w->talk);
    w->talk = NULL;
}

/* ---- the row ---- */

static void copy(const json_t *row, const char *key, char *out, size_t bytes) {
    const char *text = json_string_value(json_object_get(row, key));
    snprintf(out, bytes, "%s", text ? text : "");
    utf8_clean(out);
}

static bool take_row(work *w, const json_t *row) {
    provision_result *out = w->out;
    char app[PLAN_NAME_BYTES], region[8];
    copy(row, "id", w->row, sizeof w->row);
    copy(row, "status", w->row_status, sizeof w->row_status);
    copy(row, "machine_id", out->machine_id, sizeof out->machine_id);
    copy(row, "fly_machine_id", out->fly_machine_id, sizeof out->fly_machine_id);
    copy(row, "fly_app_name", app, sizeof app);
    copy(row, "region", region, sizeof region);
    if (*out->fly_machine_id && *app) { /* where it is, not where it would be made today */
        w->plan.is_own_app = w->plan.is_own_app && strcmp(app, w->plan.app) == 0;
        snprintf(w->plan.app, sizeof w->plan.app, "%s", app);
        if (*region) snprintf(w->plan.region, sizeof w->plan.region, "%s", region);
    }
    snprintf(out->app, sizeof out->app, "%s", w->plan.app);
    snprintf(out->region, sizeof out->region, "%s", w->plan.region);
    snprintf(out->status, sizeof out->status, "%s", w->row_status);
    out->cpus = (int)json_integer_value(json_object_get(row, "cpus"));
    out->memory_mb = (int)json_integer_value(json_object_get(row, "memory_mb"));
    out->has_machine = *out->fly_machine_id != 0;
    return *w->row != 0;
}

err work_read_row(work *w) {
    dialogue_answer a;
    char query[FILTER_BYTES];
    snprintf(query, sizeof query, "user_id=eq.%s", w->plan.user);
    dialogue_select(w->talk, "cloud_machines", query, &a);
    err e = OK;
    if (a.outcome != FLY_OK)
        e = work_fail_by(w, &a, "the machine's row cannot be read");
    else if (!a.body || !take_row(w, a.body))
        e = work_fail(w, ERR_NOT_FOUND, 404, "user %s has no machine", w->plan.user);
    dialogue_answer_deinit(&a);
    return e;
}

static bool is_ours(const work *w, const dialogue_answer *a) {
    const char *owner = json_string_value(json_object_get(a->body, "provision_owner"));
    return owner && strcmp(owner, w->owner) == 0;
}

static err lose_claim(work *w) {
    w->has_claim = false;
    return work_fail(w, ERR_EXISTS, 409, "another has taken over the work on this machine");
}

err work_claim(work *w) {
    int64_t end_ms = monotonic_ms() + (w->context->claim_by_ms ? w->context->claim_by_ms : CLAIM_BY_MS);
    for (bool has_told = false;;) {
        dialogue_answer a;
        int64_t until_ms = monotonic_ms() + CLAIM_S * 1000;
        call_with_owner(w, "trademind_claim", true, &a);
        w->has_claim = is_ours(w, &a);
        err e = a.outcome == FLY_OK ? OK : work_fail_by(w, &a, "the machine's row cannot be claimed");
        if (e == OK && w->has_claim && !take_row(w, a.body)) e = work_fail(w, ERR_HTTP, 502, "Supabase answers no row");
        dialogue_answer_deinit(&a);
        w->claim_until_ms = until_ms;
        if (e != OK || w->has_claim) return e;
        if (monotonic_ms() > end_ms) return work_fail(w, ERR_EXISTS, 409, "another is at work on this machine");
        if (!has_told) work_tell(w, "another is at work on this machine; waiting for it");
        has_told = true;
        dialogue_wait(w->talk, look_ms(w));
    }
}

err work_write_row(work *w, json_t *changes) {
    char filter[2 * FILTER_BYTES];
    char *text = changes ? json_dumps(changes, JSON_COMPACT) : NULL;
    dialogue_answer a = {.outcome = FLY_LOST, .why = "out of memory"};
    snprintf(filter, sizeof filter, "id=eq.%s&provision_owner=eq.%s", w->row, w->owner);
    if (text) dialogue_update(w->talk, "cloud_machines", filter, text, &a);
    bool is_lost = a.outcome == FLY_OK && !a.body;
    const char *status = json_string_value(json_object_get(changes, "status"));
    if (a.outcome == FLY_OK && !is_lost && status) snprintf(w->out->status, sizeof w->out->status, "%s", status);
    err e = is_lost               ? lose_claim(w)
            : a.outcome == FLY_OK ? OK
                                  : work_fail_by(w, &a, "the machine's row cannot be written");
    dialogue_answer_deinit(&a);
    json_decref(changes);
    free(text);
    return e;
}

void work_event(work *w, const char *type, const char *severity, const char *message) {
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s}", "machine_id", w->row, "user_id", w->plan.user, "event_type",
                            type, "severity", severity, "message", message);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    dialogue_answer a = {0};
    if (text && *w->row) dialogue_insert(w->talk, "cloud_events", text, &a);
    dialogue_answer_deinit(&a);
    json_decref(row);
    free(text);
}

/* ---- who may ---- */

err work_check_tier(work *w) {
    dialogue_answer a;
    char query[FILTER_BYTES];
    snprintf(query, sizeof query, "user_id=eq.%s&select=tier,status", w->plan.user);
    dialogue_select(w->talk, "user_subscriptions", query, &a);
    const char *tier = json_string_value(json_object_get(a.body, "tier"));
    const char *status = json_string_value(json_object_get(a.body, "status"));
    err e = OK;
    if (a.outcome != FLY_OK)
        e = work_fail_by(w, &a, "the subscription cannot be read");
    else if (!tier || !status)
        e = work_fail(w, ERR_NOT_FOUND, 404, "user %s has no subscription", w->plan.user);
    else if (strcasecmp(tier, "elite") != 0 || strcasecmp(status, "active") != 0)
        e = work_fail(w, ERR_UNSUPPORTED, 403, "a machine needs an active elite subscription; this one is %s, %s", tier,
                      status);
    dialogue_answer_deinit(&a);
    return e;
}

/* ---- Fly ---- */

void work_fly(work *w, fly_action action, const char *query, const char *body, dialogue_answer *out) {
    fly_request r = {
        .action = action, .app = w->plan.app, .machine = w->out->fly_machine_id, .query = query, .body = body};
    if (*w->nonce) r.nonce = w->nonce;
    if (action == FLY_WAIT) r.timeout_ms = (WAIT_S + 10) * 1000;
    dialogue_fly(w->talk, &r, out);
}

err work_lease(work *w) {
    dialogue_answer a;
    work_fly(w, FLY_LEASE, NULL, LEASE, &a);
    err e = a.outcome == FLY_OK ? OK : work_fail_by(w, &a, "the machine's lease");
    if (e == OK && !fly_nonce_of(a.body, w->nonce)) e = work_fail(w, ERR_HTTP, 502, "Fly gives no lease");
    dialogue_answer_deinit(&a);
    return e;
}

void work_unlease(work *w) {
    dialogue_answer a;
    work_fly(w, FLY_UNLEASE, NULL, NULL, &a);
    dialogue_answer_deinit(&a);
    *w->nonce = 0;
}

err work_get_machine(work *w, fly_machine *m, json_t **body) {
    dialogue_answer a;
    work_fly(w, FLY_GET, NULL, NULL, &a);
    bool is_gone = a.outcome == FLY_NOT_FOUND;
    err e = a.outcome == FLY_OK ? OK : work_fail_by(w, &a, "the machine cannot be read");
    if (e == OK && !fly_machine_of(a.body, m)) e = work_fail(w, ERR_HTTP, 502, "Fly does not say what the machine is");
    if (e == OK && strcmp(m->state, "destroyed") == 0) is_gone = true;
    if (is_gone) e = work_fail(w, ERR_NOT_FOUND, 404, "Fly has no machine %s any more", w->out->fly_machine_id);
    if (e == OK && body) *body = json_incref(a.body);
    dialogue_answer_deinit(&a);
    return e;
}

/* ---- what is held ---- */

/* The claim is not simply made again: when it was over, another may have had the machine since and have left it. So the row is
 * asked first whether it is still ours. */
static err renew(work *w) {
    dialogue_answer a;
    err e = work_write_row(w, json_pack("{s:s}", "provision_owner", w->owner));
    if (e != OK) return e;
    call_with_owner(w, "trademind_claim", true, &a);
    if (a.outcome != FLY_OK)
        e = work_fail_by(w, &a, "the claim cannot be renewed");
    else if (!is_ours(w, &a))
        e = lose_claim(w);
    dialogue_answer_deinit(&a);
    return e == OK && *w->nonce ? work_lease(w) : e;
}

err work_renew(work *w) {
    diag why = w->out->why;
    int status = w->out->http_status;
    int64_t now_ms = monotonic_ms();
    err e = renew(w);
    if (e == OK) w->claim_until_ms = now_ms + CLAIM_S * 1000;
    if (e == OK || e == ERR_EXISTS || monotonic_ms() >= w->claim_until_ms) return e;
    w->out->why = why;
    w->out->http_status = status;
    return OK;
}

static err renew_in_time(work *w) {
    bool is_due = w->has_claim && monotonic_ms() > w->claim_until_ms - RENEW_BEFORE_MS;
    return is_due ? work_renew(w) : OK;
}

/* ---- waiting ---- */

static int64_t end_of_waiting(const work *w) {
    return monotonic_ms() + (w->context->health_by_ms ? w->context->health_by_ms : HEALTH_BY_MS);
}

/* Fly waits a minute at most; what is held is renewed between. */
err work_wait_state(work *w, const char *state, const char *version) {
    char query[160];
    int64_t end_ms = end_of_waiting(w);
    snprintf(query, sizeof query, "state=%s&timeout=%d%s%s", state, WAIT_S, *version ? "&version=" : "", version);
    work_tell(w, "waiting until it is %s", state);
    for (;;) {
        dialogue_answer a;
        work_fly(w, FLY_WAIT, query, NULL, &a);
        fly_outcome outcome = a.outcome;
        err e = outcome == FLY_NOT_FOUND || outcome == FLY_TOKEN || outcome == FLY_REFUSED
                    ? work_fail_by(w, &a, "waiting for the machine")
                    : OK;
        dialogue_answer_deinit(&a);
        if (e != OK || outcome == FLY_OK) return e;
        fly_machine m;
        e = work_get_machine(w, &m, NULL);
        if (e == OK && strcmp(m.state, "failed") == 0 && strcmp(state, "failed") != 0)
            return work_fail(w, ERR_HTTP, 502, "the machine has failed to start");
        if (e == ERR_NOT_FOUND) return e;
        if (monotonic_ms() > end_ms) return work_fail(w, ERR_TIMEOUT, 504, "the machine is not %s in time", state);
        if ((e = renew_in_time(w)) != OK) return e;
        dialogue_wait(w->talk, look_ms(w));
    }
}

err work_wait_healthy(work *w) {
    char url[PLAN_URL_BYTES];
    int64_t end_ms = end_of_waiting(w);
    machine_plan_health_url(w->plan.app, w->context->proxy, url);
    work_tell(w, "waiting until %s says that it is well", url);
    for (;;) {
        int status = dialogue_get(w->talk, url, HEALTH_MS);
        if (status == 200) return OK;
        if (monotonic_ms() > end_ms)
            return work_fail(w, ERR_TIMEOUT, 504, "%s %s", url,
                             status ? "says that the machine is not well" : "does not answer");
        err e = renew_in_time(w);
        if (e != OK) return e;
        dialogue_wait(w->talk, look_ms(w));
    }
}
