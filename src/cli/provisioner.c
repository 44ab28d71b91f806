/* `trademind provisioner`: provisioning over HTTP. */
#include "provision/provisioner.h"
#include "cli/provisioning.h"
#include "cli/verbs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct provisioner_call {
    settings settings;
    bool listens;
} provisioner_call;

static const option OPTIONS[] = {
    {"listen", NULL, "take requests on HOST and PORT"},
    {"image", "I", "image of the machines (default: PROVISION_IMAGE)"},
    {"json", NULL, "the line on stdout as an object, which it is anyway"},
    SETTINGS_OPTION,
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    provisioner_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "image") == 0) return settings_set(&call->settings, "PROVISION_IMAGE", value, why);
    if (strcmp(o->name, "listen") == 0) call->listens = true;
    return OK;
}

static void tell_port(void *context, uint16_t port) {
    printf("{\"event\":\"listening\",\"host\":\"%s\",\"port\":%u}\n", (const char *)context, port);
    fflush(stdout);
}

static int listen_until_stopped(const config *cfg, diag *why) {
    provision_context c;
    provisioning_context(cfg, &c);
    if (!*c.image) {
        diag_set(why, ERR_INVALID, "--image or PROVISION_IMAGE is needed");
        return EXIT_USAGE;
    }
    provisioner_options o = {.host = cfg->host,
                             .port = (uint16_t)cfg->port,
                             .issuer = cfg->auth_issuer,
                             .jwt_secret = cfg->auth_jwt_secret,
                             .origins = (const char *const *)cfg->auth_origins.items,
                             .n_origins = cfg->auth_origins.count,
                             .context = &c,
                             .on_listening = tell_port,
                             .listening_context = (void *)(uintptr_t)cfg->host};
    return provisioner_run(&o, why) == OK ? EXIT_OK : EXIT_FAILED;
}

static int run_provisioner(int argc, char *const *argv) {
    provisioner_call call = {0};
    config cfg;
    diag why = {""};
    int code = EXIT_USAGE;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    if (e == OK && !call.listens)
        e = diag_set(&why, ERR_INVALID, "--listen is missing; without it there is nothing to do");
    if (e == OK) {
        e = provisioning_load(&call.settings, "provisioner", &cfg, &why);
        code = e == OK ? listen_until_stopped(&cfg, &why) : settings_exit_code(e);
        if (e == OK) config_deinit(&cfg);
    }
    settings_deinit(&call.settings);
    return code == EXIT_OK ? EXIT_OK : verb_fail(&PROVISIONER_VERB, (enum exit_code)code, &why);
}

const verb PROVISIONER_VERB = {
    .name = "provisioner",
    .summary = "provisioning over HTTP, for the users of a Supabase project",
    .usage = "--listen [options]",
    .details =
        "POST /v1/machines {userId?, region?, cpus?}, GET /v1/machines, POST /v1/machines/ID/stop and /start, DELETE "
        "/v1/machines/ID; and as the original had them /provision-machine, /stop-machine, /get-machine-status. Every "
        "request "
        "carries a user's JWT of the project, and acts on that user's machine only. Needs what `provision` needs; "
        "tokens that "
        "are signed with the legacy secret also need AUTH_JWT_SECRET.\n"
        "Prints one line when it listens.",
    .options = OPTIONS,
    .run = run_provisioner,
};
