/* Under Fly's lease, so that nobody (the machine that scales itself, say) changes it meanwhile:
 *
 *   lease ─► read ─► update to the new image ─► started, healthy ─► release
 *                          └ not well in time: update to the old config ─► started ─► release, failed */
#include "provision/upgrade.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TRIES = 3 };

/* `config` for the version that is there; `version` becomes the new one. A lost reply is looked after. */
static err update(work *w, json_t *config, char version[FLY_NAME_BYTES]) {
    const char *image = json_string_value(json_object_get(config, "image"));
    for (int n = 0; n < MOST_TRIES; n++) {
        fly_machine m = {0};
        json_t *now = NULL;
        dialogue_answer a;
        err e = work_get_machine(w, &m, &now);
        const char *has = json_string_value(json_object_get(json_object_get(now, "config"), "image"));
        bool is_done = e == OK && has && image && strcmp(has, image) == 0;
        json_decref(now);
        snprintf(version, FLY_NAME_BYTES, "%s", m.version);
        if (e != OK || is_done) return e;
        json_t *body = json_pack("{s:O, s:s}", "config", config, "current_version", m.version);
        char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        json_decref(body);
        work_fly(w, FLY_UPDATE, NULL, text, &a);
        free(text);
        bool is_known = a.outcome == FLY_OK && fly_machine_of(a.body, &m);
        bool is_unsure = a.outcome == FLY_LOST || a.outcome == FLY_FAILED || a.outcome == FLY_TIMED_OUT;
        if (is_known) snprintf(version, FLY_NAME_BYTES, "%s", m.version);
        if (!is_known && !is_unsure) e = work_fail_by(w, &a, "the machine cannot be given the image");
        dialogue_answer_deinit(&a);
        if (is_known || e != OK) return e;
    }
    return work_fail(w, ERR_NETWORK, 502, "the machine cannot be given the image: Fly does not answer");
}

static err change(work *w, json_t *config) {
    char version[FLY_NAME_BYTES];
    err e = update(w, config, version);
    if (e == OK) e = work_wait_state(w, "started", version);
    return e == OK ? work_wait_healthy(w) : e;
}

/* The failure whose status is told is the first one. */
static void go_back(work *w, json_t *old) {
    diag why = w->out->why;
    int status = w->out->http_status;
    work_tell(w, "%.200s; back to the image before", why.text);
    err e = work_renew(w); /* the way here has been long, and the way back may be */
    if (e == OK) e = change(w, old);
    diag second = w->out->why;
    w->is_well = e == OK;
    if (e == OK)
        diag_set(&w->out->why, OK, "%.500s; the machine has the image before again", why.text);
    else
        diag_set(&w->out->why, OK, "%.400s; and it could not be given the image before: %.400s", why.text, second.text);
    utf8_clean(w->out->why.text);
    w->out->http_status = status;
}

err upgrade_machine(work *w, const char *image) {
    fly_machine m;
    json_t *machine = NULL, *old = NULL, *config = NULL;
    err e = work_lease(w);
    if (e != OK) return e;
    e = work_get_machine(w, &m, &machine);
    old = json_incref(json_object_get(machine, "config"));
    config = json_deep_copy(old);
    if (e == OK && (!config || json_object_set_new(config, "image", json_string(image)) != 0))
        e = work_fail(w, ERR_NO_MEMORY, 500, "out of memory");
    if (e == OK) {
        work_tell(w, "the machine gets the image %s", image);
        e = change(w, config);
        if (e != OK) go_back(w, old);
    }
    work_unlease(w);
    json_decref(config);
    json_decref(old);
    json_decref(machine);
    return e;
}
