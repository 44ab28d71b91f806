/* `trademind outbox`: what the cloud has refused for good, and what is to become of it. Works on the file, whether the
 * daemon runs or not. */
#include "sync/outbox.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "sync/local_db.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct outbox_call {
    settings settings;
    bool as_json, all;
    const char *action, *number;
    int64_t n;
} outbox_call;

typedef struct outbox_action {
    const char *name;
    err (*run)(const outbox_call *call, local_db *db, diag *why);
    bool needs_number;
} outbox_action;

static const option OPTIONS[] = {
    {"all", NULL, "retry, drop: all of them, instead of one by its number"},
    {"json", NULL, "list: one object a line: n, table, key, code, reason, diedAt, row; retry, drop: {\"count\"}"},
    SETTINGS_OPTION,
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    outbox_call *call = context;
    if (!o && call->number) return options_refuse_word(value, why);
    if (!o) {
        *(call->action ? &call->number : &call->action) = value;
        return OK;
    }
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "all") == 0) call->all = true;
    return OK;
}

/* ---- what is done ---- */

static void print_line(const json_t *letter) {
    printf("%" JSON_INTEGER_FORMAT "  %s  %s  %s\n", json_integer_value(json_object_get(letter, "n")),
           json_string_value(json_object_get(letter, "table")), json_string_value(json_object_get(letter, "key")),
           json_string_value(json_object_get(letter, "reason")));
}

static void on_letter(void *context, const char *json) {
    const outbox_call *call = context;
    json_t *letter = call->as_json ? NULL : json_loads(json, 0, NULL);
    if (letter)
        print_line(letter);
    else
        puts(json);
    json_decref(letter);
}

static err list(const outbox_call *call, local_db *db, diag *why) {
    outbox_counts counts;
    outbox_call copy = *call;
    err e = outbox_list_dead(db, on_letter, &copy, why);
    if (e == OK) e = outbox_count(db, &counts, why);
    if (e == OK && !call->as_json)
        fprintf(stderr, "%" PRIu64 " refused, %" PRIu64 " waiting\n", counts.n_dead, counts.n_waiting);
    return e;
}

static err tell(const outbox_call *call, err e, uint64_t count, diag *why) {
    if (e == OK && count == 0 && call->n)
        e = diag_set(why, ERR_NOT_FOUND, "outbox: there is no %" PRId64 "; see trademind outbox list", call->n);
    if (e == OK && call->as_json) printf("{\"count\":%" PRIu64 "}\n", count);
    if (e == OK && !call->as_json) fprintf(stderr, "%" PRIu64 " row%s\n", count, count == 1 ? "" : "s");
    return e;
}

static err retry(const outbox_call *call, local_db *db, diag *why) {
    uint64_t count = 0;
    err e = outbox_retry(db, call->n, &count, why);
    return tell(call, e, count, why);
}

static err drop(const outbox_call *call, local_db *db, diag *why) {
    uint64_t count = 0;
    err e = outbox_drop(db, call->n, &count, why);
    return tell(call, e, count, why);
}

static const outbox_action ACTIONS[] = {{"list", list, false}, {"retry", retry, true}, {"drop", drop, true}, {0}};

/* ---- the verb ---- */

static const outbox_action *find(const char *name) {
    for (const outbox_action *a = ACTIONS; name && a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

static err check(outbox_call *call, const outbox_action *action, diag *why) {
    char *end = NULL;
    if (!action)
        return diag_set(why, ERR_INVALID, "outbox: \"%s\" is nothing to do; expected list, retry or drop",
                        call->action ? call->action : "");
    if (!action->needs_number) return call->number ? options_refuse_word(call->number, why) : OK;
    if (!call->number == !call->all)
        return diag_set(why, ERR_INVALID, "outbox %s: expected a number (trademind outbox list) or --all",
                        action->name);
    if (!call->number) return OK;
    errno = 0;
    call->n = strtoll(call->number, &end, 10);
    if (errno || *end || call->n < 1 || *call->number < '0' || *call->number > '9')
        return diag_set(why, ERR_INVALID, "outbox %s: \"%s\" is no number of trademind outbox list", action->name,
                        call->number);
    return OK;
}

/* A database is not made for being looked at. */
static err open_database(const config *cfg, local_db **db, diag *why) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/trademind.db", cfg->data_dir);
    if (access(path, F_OK) != 0)
        return diag_set(why, ERR_NOT_FOUND, "%s: %s; nothing was ever kept there", path, strerror(errno));
    local_db_config lc = {.folder = cfg->data_dir, .user_id = cfg->user_id, .has_cloud = cfg->is_cloud};
    return local_db_open(&lc, db, why);
}

static int run(int argc, char *const *argv) {
    outbox_call call = {0};
    config cfg = {0};
    diag why = {0};
    local_db *db = NULL;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    const outbox_action *action = find(call.action);
    if (e == OK) e = check(&call, action, &why);
    if (e != OK) return verb_fail(&OUTBOX_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&OUTBOX_VERB, settings_exit_code(e), &why);
    e = open_database(&cfg, &db, &why);
    if (e == OK) e = action->run(&call, db, &why);
    local_db_close(db);
    config_deinit(&cfg);
    return e == OK ? EXIT_OK : verb_fail(&OUTBOX_VERB, EXIT_FAILED, &why);
}

const verb OUTBOX_VERB = {
    .name = "outbox",
    .summary = "list, retry or drop what the cloud has refused",
    .usage = "list | retry N | drop N [options]",
    .details =
        "A row that the cloud refuses for good (it breaks a constraint, say) is set aside with the reason, and the\n"
        "others go on. When the reason is gone, retry sends it again; drop forgets it, here it stays.\n"
        "The daemon may be running meanwhile.",
    .options = OPTIONS,
    .run = run,
};
