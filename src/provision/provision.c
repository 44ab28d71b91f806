/* See provision.h. Each verb is its steps; what a step needs is in work.h. A reply that was lost is never taken for a failure:
 * the next look says whether the thing is there. */
#include "provision/provision.h"
#include "base/clock.h"
#include "base/time_text.h"
#include "provision/upgrade.h"
#include "provision/work.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOLUME_GB = 1 };
static const char VOLUME[] = "data";

static json_t *now_text(void) {
    char text[TIME_TEXT_BYTES];
    time_text_format(wall_ms(), text);
    return json_string(text);
}

/* What happened is not known. */
static bool is_unsure(const dialogue_answer *a) {
    return a->outcome == FLY_LOST || a->outcome == FLY_FAILED || a->outcome == FLY_TIMED_OUT ||
           a->outcome == FLY_CONFLICT;
}

/* ---- what a machine needs ---- */

static err look_for_app(work *w, bool *is_there) {
    dialogue_answer a;
    err e = OK;
    work_fly(w, FLY_APP_GET, NULL, NULL, &a);
    *is_there = a.outcome == FLY_OK;
    if (a.outcome == FLY_TOKEN)
        e = work_fail(w, ERR_EXISTS, 409, "the app %s is another's, or the token is not for it (%s)", w->plan.app,
                      a.why);
    else if (a.outcome != FLY_OK && a.outcome != FLY_NOT_FOUND)
        e = work_fail_by(w, &a, "the app cannot be read");
    dialogue_answer_deinit(&a);
    return e;
}

static err need_app(work *w) {
    bool is_there;
    dialogue_answer a;
    err e = look_for_app(w, &is_there);
    if (e != OK || is_there) return e;
    work_tell(w, "making the app %s", w->plan.app);
    json_t *body = json_pack("{s:s, s:s}", "app_name", w->plan.app, "org_slug", w->context->org);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    work_fly(w, FLY_APP_CREATE, NULL, text, &a);
    free(text);
    w->has_made_app = a.outcome == FLY_OK;
    if (a.outcome != FLY_OK) {
        e = look_for_app(w, &is_there); /* made by a request whose reply was lost, or by another a moment ago */
        if (e == OK && !is_there && a.outcome == FLY_REFUSED)
            e = work_fail(w, ERR_EXISTS, 409, "the app %s cannot be made: %s", w->plan.app, a.why);
        else if (e == OK && !is_there)
            e = work_fail_by(w, &a, "the app cannot be made");
        w->has_made_app = e == OK && is_unsure(&a);
    }
    dialogue_answer_deinit(&a);
    return e;
}

static err add_address(work *w, const char *type) {
    char body[64];
    dialogue_answer a;
    snprintf(body, sizeof body, "{\"type\":\"%s\"}", type);
    work_fly(w, FLY_ADDRESS_ADD, NULL, body, &a);
    err e = a.outcome == FLY_OK || is_unsure(&a) ? OK : work_fail_by(w, &a, "the app gets no address");
    dialogue_answer_deinit(&a);
    return e;
}

/* Without an address APP.fly.dev resolves to nothing. */
static err need_addresses(work *w) {
    dialogue_answer a;
    bool has_v4 = false, has_v6 = false;
    err e = OK;
    for (int n = 0; n < 3 && e == OK && !(has_v4 && has_v6); n++) {
        size_t i;
        json_t *one;
        work_fly(w, FLY_ADDRESSES, NULL, NULL, &a);
        if (a.outcome != FLY_OK) e = work_fail_by(w, &a, "the app's addresses cannot be read");
        json_array_foreach(json_object_get(a.body, "ips"), i, one) {
            const char *ip = json_string_value(json_object_get(one, "ip"));
            if (ip && strchr(ip, ':'))
                has_v6 = true;
            else if (ip)
                has_v4 = true;
        }
        dialogue_answer_deinit(&a);
        if (e == OK && !has_v4) e = add_address(w, "shared_v4");
        if (e == OK && !has_v6) e = add_address(w, "v6");
    }
    if (e == OK && !(has_v4 && has_v6)) e = work_fail(w, ERR_HTTP, 502, "the app gets no address");
    return e;
}

static err set_secrets(work *w, double *version) {
    dialogue_answer a;
    char *body = machine_plan_secrets_body(w->context->services.supabase_key, w->context->gemini_key);
    if (!body) return work_fail(w, ERR_NO_MEMORY, 500, "out of memory");
    work_fly(w, FLY_SECRETS_SET, NULL, body, &a);
    if (is_unsure(&a)) { /* the same again does no harm */
        dialogue_answer_deinit(&a);
        work_fly(w, FLY_SECRETS_SET, NULL, body, &a);
    }
    memset(body, 0, strlen(body));
    free(body);
    *version = json_number_value(json_object_get(a.body, "version"));
    err e = a.outcome == FLY_OK ? OK : work_fail_by(w, &a, "the app's secrets cannot be set");
    dialogue_answer_deinit(&a);
    return e;
}

static bool find_volume(const work *w, const json_t *list, char *id) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        const char *name = json_string_value(json_object_get(one, "name")),
                   *region = json_string_value(json_object_get(one, "region"));
        const char *state = json_string_value(json_object_get(one, "state")),
                   *found = json_string_value(json_object_get(one, "id"));
        bool is_free = !json_string_value(json_object_get(one, "attached_machine_id"));
        if (!name || !region || !found || strcmp(name, VOLUME) != 0 || strcmp(region, w->plan.region) != 0 || !is_free)
            continue;
        if (state && strstr(state, "destroy")) continue;
        snprintf(id, PLAN_NAME_BYTES, "%s", found);
        return true;
    }
    return false;
}

static err need_volume(work *w, char *id) {
    dialogue_answer a;
    err e = OK;
    *id = 0;
    for (int n = 0; n < 2 && e == OK && !*id; n++) {
        work_fly(w, FLY_VOLUMES, NULL, NULL, &a);
        bool is_there = a.outcome == FLY_OK && find_volume(w, a.body, id);
        if (a.outcome != FLY_OK) e = work_fail_by(w, &a, "the app's volumes cannot be read");
        dialogue_answer_deinit(&a);
        if (e != OK || is_there) return e;
        char body[128];
        snprintf(body, sizeof body, "{\"name\":\"%s\",\"region\":\"%s\",\"size_gb\":%d}", VOLUME, w->plan.region,
                 VOLUME_GB);
        work_fly(w, FLY_VOLUME_CREATE, NULL, body, &a);
        const char *made = json_string_value(json_object_get(a.body, "id"));
        if (a.outcome == FLY_OK && made)
            snprintf(id, PLAN_NAME_BYTES, "%s", made);
        else if (!is_unsure(&a))
            e = work_fail_by(w, &a, "the volume cannot be made");
        dialogue_answer_deinit(&a);
    }
    return e == OK && !*id ? work_fail(w, ERR_HTTP, 502, "the volume cannot be made") : e;
}

/* ---- the machine ---- */

/* The machine of our name; its id into the result. */
static err look_for_machine(work *w, bool *is_there) {
    dialogue_answer a;
    size_t i;
    json_t *one;
    work_fly(w, FLY_LIST, NULL, NULL, &a);
    err e = a.outcome == FLY_OK ? OK : work_fail_by(w, &a, "the app's machines cannot be read");
    *is_there = false;
    json_array_foreach(a.body, i, one) {
        fly_machine m;
        if (!fly_machine_of(one, &m) || strcmp(m.name, w->plan.app) != 0 || strcmp(m.state, "destroyed") == 0) continue;
        snprintf(w->out->fly_machine_id, sizeof w->out->fly_machine_id, "%s", m.id);
        *is_there = true;
    }
    dialogue_answer_deinit(&a);
    return e;
}

static err create_machine(work *w) {
    machine_settings s = {.image = w->context->image, .supabase_url = w->context->services.supabase_url};
    char volume[PLAN_NAME_BYTES];
    bool is_there = false;
    dialogue_answer a;
    err e = set_secrets(w, &s.secrets_version);
    if (e == OK) e = work_renew(w);
    if (e == OK) e = need_volume(w, volume);
    if (e == OK) e = work_renew(w);
    if (e != OK) return e;
    s.volume = volume;
    char *body = machine_plan_create_body(&w->plan, &s);
    if (!body) return work_fail(w, ERR_NO_MEMORY, 500, "out of memory");
    work_tell(w, "making the machine, %d CPU, %d MB, in %s", w->plan.cpus, w->plan.memory_mb, w->plan.region);
    work_fly(w, FLY_CREATE, NULL, body, &a);
    free(body);
    const char *id = json_string_value(json_object_get(a.body, "id"));
    if (a.outcome == FLY_OK && id) {
        snprintf(w->out->fly_machine_id, sizeof w->out->fly_machine_id, "%s", id);
        memcpy(w->made, w->out->fly_machine_id, sizeof w->made);
    } else if (is_unsure(&a)) {
        e = look_for_machine(w, &is_there);
        if (is_there) memcpy(w->made, w->out->fly_machine_id, sizeof w->made);
        if (e == OK && !is_there) e = work_fail_by(w, &a, "the machine cannot be made");
    } else {
        e = work_fail_by(w, &a, "the machine cannot be made");
    }
    dialogue_answer_deinit(&a);
    return e;
}

/* From here on the row knows of the machine, whatever happens to us. */
static err record_machine(work *w, const char *status) {
    char url[PLAN_URL_BYTES], health[PLAN_URL_BYTES];
    snprintf(url, sizeof url, "wss://%s.fly.dev", w->plan.app);
    machine_plan_health_url(w->plan.app, w->context->proxy, health);
    w->out->cpus = w->plan.cpus;
    w->out->memory_mb = w->plan.memory_mb;
    w->out->has_machine = true;
    snprintf(w->out->app, sizeof w->out->app, "%s", w->plan.app);
    snprintf(w->out->region, sizeof w->out->region, "%s", w->plan.region);
    return work_write_row(w, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:o, s:o, s:n}", "status", status,
                                       "fly_app_name", w->plan.app, "fly_machine_id", w->out->fly_machine_id,
                                       "websocket_url", url, "health_check_url", health, "cpus", w->plan.cpus,
                                       "memory_mb", w->plan.memory_mb, "region", w->plan.region, "provisioned_at",
                                       now_text(), "started_at", now_text(), "error_message"));
}

static err make_machine(work *w) {
    bool is_there = false;
    *w->out->fly_machine_id = 0;
    err e = need_app(w);
    if (e == OK) e = work_renew(w);
    if (e == OK) e = need_addresses(w);
    if (e == OK) e = work_renew(w);
    if (e == OK) e = look_for_machine(w, &is_there);
    w->out->was_reused = is_there;
    if (e == OK && !is_there) e = create_machine(w);
    return e == OK ? record_machine(w, "starting") : e;
}

/* Of whatever state it is. */
static err bring_up(work *w) {
    fly_machine m;
    dialogue_answer a;
    err e = work_get_machine(w, &m, NULL);
    if (e == OK && strcmp(m.state, "stopping") == 0) {
        e = work_wait_state(w, "stopped", "");
        if (e == OK) e = work_get_machine(w, &m, NULL);
    }
    static const char *const down[] = {"stopped", "suspended", "created", "failed"};
    for (size_t i = 0; e == OK && i < sizeof down / sizeof *down; i++) {
        if (strcmp(m.state, down[i]) != 0) continue;
        work_tell(w, "starting the machine, which is %s", m.state);
        work_fly(w, FLY_START, NULL, NULL, &a);
        if (a.outcome != FLY_OK && a.outcome != FLY_STALE && !is_unsure(&a))
            e = work_fail_by(w, &a, "the machine cannot be started");
        dialogue_answer_deinit(&a);
    }
    if (e == OK) e = work_wait_state(w, "started", "");
    if (e == OK) e = work_wait_healthy(w);
    return e;
}

static err mark_running(work *w) {
    err e = work_write_row(w, json_pack("{s:s, s:o, s:n, s:n}", "status", "running", "last_health_check", now_text(),
                                        "error_message", "stopped_at"));
    if (e == OK) work_event(w, "machine_started", "info", "the machine is started and well");
    return e;
}

/* ---- what was made goes again ---- */

static bool destroy_made(const work *w) {
    fly_request r = {.action = FLY_DESTROY, .app = w->plan.app, .machine = w->made, .query = "force=true"};
    bool is_gone = false;
    work_tell(w, "it failed; the machine is destroyed again");
    for (int n = 0; n < 3 && !is_gone; n++) {
        dialogue_answer a;
        dialogue_fly(w->talk, &r, &a);
        is_gone = a.outcome == FLY_OK || a.outcome == FLY_NOT_FOUND;
        dialogue_answer_deinit(&a);
    }
    return is_gone;
}

static void undo(work *w) {
    dialogue_answer a;
    bool is_gone = *w->made && destroy_made(w);
    if (w->has_made_app && w->plan.is_own_app) {
        work_fly(w, FLY_APP_DELETE, NULL, NULL, &a);
        is_gone = is_gone || a.outcome == FLY_OK;
        dialogue_answer_deinit(&a);
    }
    if (!*w->made || !is_gone) return;
    err ignored = work_write_row(w, json_pack("{s:n, s:n}", "fly_machine_id", "fly_app_name"));
    (void)ignored; /* the next one finds that there is none */
    *w->out->fly_machine_id = 0;
    w->out->has_machine = false;
}

/* Only while the claim is ours: whoever has it now has found by its name what we made, and goes on with it. */
static void roll_back(work *w) {
    diag why = w->out->why;
    int status = w->out->http_status;
    bool has_made = *w->made || w->has_made_app;
    if (has_made && w->has_claim && work_renew(w) == OK) undo(w);
    w->out->why = why;
    w->out->http_status = status;
}

/* ---- the verbs ---- */

err provision_create(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    fly_machine m;
    err e = work_begin(&w, c, r, out);
    if (e == OK) e = work_check_tier(&w);
    if (e == OK) e = work_claim(&w);
    bool is_known = e == OK && *out->fly_machine_id;
    if (is_known) e = work_get_machine(&w, &m, NULL);
    bool is_gone = is_known && e == ERR_NOT_FOUND;
    out->was_reused = is_known && !is_gone;
    if (e == OK && !is_known) e = make_machine(&w);
    if (is_gone) e = make_machine(&w);
    if (e == OK) e = bring_up(&w);
    if (e == OK) e = mark_running(&w);
    if (e == OK && *w.made) work_event(&w, "machine_provisioned", "info", "the machine is made");
    if (e != OK && w.talk) roll_back(&w);
    work_end(&w, e);
    const char *warning = e == OK ? machine_plan_warning(out->region) : NULL;
    diag_set(e == OK ? &out->why : NULL, OK, "%s", warning ? warning : "");
    return e;
}

err provision_status(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    fly_machine m;
    err e = work_begin(&w, c, r, out);
    if (e == OK) e = work_read_row(&w);
    if (e == OK && out->has_machine) {
        e = work_get_machine(&w, &m, NULL);
        if (e == OK) {
            out->cpus = m.cpus;
            out->memory_mb = m.memory_mb;
            if (strcmp(m.state, "started") != 0) snprintf(out->status, sizeof out->status, "%s", m.state);
        } else if (e == ERR_NOT_FOUND) { /* Fly's word counts */
            out->has_machine = false;
            snprintf(out->status, sizeof out->status, "destroyed");
            e = OK;
            out->http_status = 200;
            *out->why.text = 0;
        }
    }
    work_end(&w, e);
    return e;
}

/* A machine that is known to the row. */
static err find_known(work *w, const provision_context *c, const provision_request *r, provision_result *out) {
    err e = work_begin(w, c, r, out);
    if (e == OK) e = work_read_row(w);
    if (e == OK && !out->has_machine) e = work_fail(w, ERR_NOT_FOUND, 404, "user %s has no machine", w->plan.user);
    return e;
}

/* ... and claimed. */
static err begin_known(work *w, const provision_context *c, const provision_request *r, provision_result *out) {
    err e = find_known(w, c, r, out);
    return e == OK ? work_claim(w) : e;
}

err provision_start(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    err e = find_known(&w, c, r, out);
    if (e == OK) e = work_check_tier(&w); /* before the claim: a refusal is no error of the machine's */
    if (e == OK) e = work_claim(&w);
    if (e == OK) e = work_write_row(&w, json_pack("{s:s, s:o}", "status", "starting", "started_at", now_text()));
    if (e == OK) e = bring_up(&w);
    if (e == OK) e = mark_running(&w);
    work_end(&w, e);
    return e;
}

err provision_stop(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    fly_machine m;
    dialogue_answer a;
    err e = begin_known(&w, c, r, out);
    if (e == OK) e = work_get_machine(&w, &m, NULL);
    if (e == OK && strcmp(m.state, "stopped") != 0) {
        e = work_write_row(&w, json_pack("{s:s}", "status", "stopping"));
        if (e == OK) {
            work_fly(&w, FLY_STOP, NULL, "{\"timeout\":\"10s\"}", &a);
            if (a.outcome != FLY_OK && !is_unsure(&a)) e = work_fail_by(&w, &a, "the machine cannot be stopped");
            dialogue_answer_deinit(&a);
        }
        if (e == OK) e = work_wait_state(&w, "stopped", "");
    }
    if (e == OK)
        e = work_write_row(
            &w, json_pack("{s:s, s:o, s:n}", "status", "stopped", "stopped_at", now_text(), "error_message"));
    if (e == OK) work_event(&w, "machine_stopped", "info", "the machine is stopped");
    work_end(&w, e);
    return e;
}

err provision_upgrade(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    *out = (provision_result){.http_status = 400};
    if (!*r->image) return diag_set(&out->why, ERR_INVALID, "no image is given");
    err e = begin_known(&w, c, r, out);
    if (e == OK) e = upgrade_machine(&w, r->image);
    if (e == OK) e = mark_running(&w);
    work_end(&w, e);
    return e;
}

err provision_destroy(const provision_context *c, const provision_request *r, provision_result *out) {
    work w;
    dialogue_answer a;
    err e = begin_known(&w, c, r, out);
    if (e == OK) e = work_write_row(&w, json_pack("{s:s}", "status", "stopping"));
    for (int n = 0; e == OK && n < 3; n++) {
        work_fly(&w, FLY_DESTROY, "force=true", NULL, &a);
        bool is_gone = a.outcome == FLY_OK || a.outcome == FLY_NOT_FOUND, is_lost = is_unsure(&a);
        if (!is_gone && (!is_lost || n == 2)) e = work_fail_by(&w, &a, "the machine cannot be destroyed");
        dialogue_answer_deinit(&a);
        if (is_gone) break;
    }
    if (e == OK && w.plan.is_own_app) {
        work_fly(&w, FLY_APP_DELETE, NULL, NULL, &a);
        if (a.outcome != FLY_OK && a.outcome != FLY_NOT_FOUND && !is_unsure(&a))
            e = work_fail_by(&w, &a, "the app cannot be deleted");
        dialogue_answer_deinit(&a);
    }
    if (e == OK)
        e = work_write_row(&w, json_pack("{s:s, s:o, s:n, s:n, s:n}", "status", "stopped", "stopped_at", now_text(),
                                         "fly_machine_id", "fly_app_name", "error_message"));
    if (e == OK) {
        work_event(&w, "machine_stopped", "info", "the machine is destroyed, with its volume");
        out->has_machine = false;
        snprintf(out->status, sizeof out->status, "destroyed");
    }
    work_end(&w, e);
    return e;
}

json_t *provision_result_json(const provision_result *r) {
    char url[PLAN_URL_BYTES] = "", host[PLAN_URL_BYTES] = "", health[PLAN_URL_BYTES] = "";
    if (*r->app) {
        snprintf(url, sizeof url, "wss://%s.fly.dev", r->app);
        snprintf(host, sizeof host, "%s.fly.dev", r->app);
        machine_plan_health_url(r->app, "", health);
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:i, s:i}", "machineId", r->machine_id,
                     "flyMachineId", r->fly_machine_id, "websocketUrl", url, "websocketHost", host, "healthCheckUrl",
                     health, "status", r->status, "wasReused", r->was_reused, "flyAppName", r->app, "region", r->region,
                     "cpus", r->cpus, "memoryMb", r->memory_mb);
}
