/* `trademind provision`: a user's machine at Fly. */
#include "cli/provisioning.h"
#include "cli/verbs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef err (*provision_fn)(const provision_context *c, const provision_request *r, provision_result *out);

static const struct {
    const char *name;
    provision_fn run;
} ACTIONS[] = {{"create", provision_create}, {"status", provision_status},   {"start", provision_start},
               {"stop", provision_stop},     {"destroy", provision_destroy}, {"upgrade", provision_upgrade}};
enum { N_ACTIONS = sizeof ACTIONS / sizeof *ACTIONS };

typedef struct provision_call {
    settings settings;
    provision_fn run;
    const char *action;
    provision_request request;
} provision_call;

static const option OPTIONS[] = {
    {"user", "U", "id of the user in Supabase, a UUID"},
    {"region", "R", "region of Fly (default: sin; PROVISION_REGIONS says which there are)"},
    {"cpus", "N", "shared CPUs: 1, 2, 4 or 8 (default: 1), with 256 MB each"},
    {"app", "A", "app at Fly (default: one for this user alone, trademind-screener-USER)"},
    {"image", "I", "image of the machine (default: PROVISION_IMAGE); needed by upgrade"},
    {"json", NULL, "one object a line, which it is anyway"},
    SETTINGS_OPTION,
    {0},
};

static err take_action(provision_call *call, const char *word, diag *why) {
    if (call->run) return options_refuse_word(word, why);
    for (size_t i = 0; i < N_ACTIONS; i++) {
        if (strcmp(word, ACTIONS[i].name) != 0) continue;
        call->run = ACTIONS[i].run;
        call->action = ACTIONS[i].name;
        return OK;
    }
    return diag_set(why, ERR_INVALID,
                    "unknown action \"%.32s\"; expected create, status, start, stop, destroy or upgrade", word);
}

static err take(void *context, const option *o, const char *value, diag *why) {
    provision_call *call = context;
    char *end;
    if (!o) return take_action(call, value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "user") == 0) call->request.user = value;
    if (strcmp(o->name, "region") == 0) call->request.region = value;
    if (strcmp(o->name, "app") == 0) call->request.app = value;
    if (strcmp(o->name, "image") == 0) {
        call->request.image = value;
        return settings_set(&call->settings, "PROVISION_IMAGE", value, why);
    }
    if (strcmp(o->name, "cpus") == 0) {
        call->request.cpus = strtol(value, &end, 10);
        if (!*value || *end) return diag_set(why, ERR_INVALID, "--cpus is \"%s\"; expected 1, 2, 4 or 8", value);
    }
    return OK;
}

static void tell(void *context, const char *what) {
    (void)context;
    fprintf(stderr, "%s\n", what);
}

static int exit_code_of(err e) { return e == ERR_INVALID ? EXIT_USAGE : e == ERR_TIMEOUT ? EXIT_TIMEOUT : EXIT_FAILED; }

static int act(provision_call *call, const config *cfg, diag *why) {
    provision_context c;
    provision_result result;
    provisioning_context(cfg, &c);
    c.on_step = tell;
    if (call->run == provision_create && !*c.image) {
        diag_set(why, ERR_INVALID, "--image or PROVISION_IMAGE is needed");
        return EXIT_USAGE;
    }
    err e = call->run(&c, &call->request, &result);
    if (e != OK) {
        *why = result.why;
        return exit_code_of(e);
    }
    json_t *object = provision_result_json(&result);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text) puts(text);
    if (*result.why.text) fprintf(stderr, "warning: %s\n", result.why.text);
    json_decref(object);
    free(text);
    return text ? EXIT_OK : EXIT_FAILED;
}

static int run_provision(int argc, char *const *argv) {
    provision_call call = {.request = {.user = "", .app = "", .region = "", .image = ""}};
    config cfg;
    diag why = {""};
    int code = EXIT_USAGE;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    if (e == OK && !call.run)
        e = diag_set(&why, ERR_INVALID,
                     "what is to be done is missing: create, status, start, stop, destroy or upgrade");
    if (e == OK && !*call.request.user) e = diag_set(&why, ERR_INVALID, "--user U is missing");
    if (e == OK) {
        e = provisioning_load(&call.settings, call.request.user, &cfg, &why);
        code = e == OK ? act(&call, &cfg, &why) : settings_exit_code(e);
        if (e == OK) config_deinit(&cfg);
    }
    settings_deinit(&call.settings);
    return code == EXIT_OK ? EXIT_OK : verb_fail(&PROVISION_VERB, (enum exit_code)code, &why);
}

const verb PROVISION_VERB = {
    .name = "provision",
    .summary = "a user's machine at Fly: create, status, start, stop, destroy, upgrade",
    .usage = "create|status|start|stop|destroy|upgrade --user U [options]",
    .details =
        "create: an app of the user's own with its addresses, secrets and volume, and one machine in it; waits until "
        "the "
        "machine says that it is well, and takes back what it has made when it does not. To be repeated at any time: "
        "what is "
        "there is found (wasReused). Needs an active elite subscription.\n"
        "upgrade: another image, behind the same wait; the image before comes back when it fails. destroy: with the "
        "volume.\n"
        "Prints {machineId, flyMachineId, websocketUrl, websocketHost, healthCheckUrl, status, wasReused, ...}. Needs "
        "SUPABASE_URL, SUPABASE_SERVICE_KEY and FLY_API_TOKEN. Exit code 1: it failed; 5: not well in time.",
    .options = OPTIONS,
    .run = run_provision,
};
