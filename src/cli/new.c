/* `trademind new`: a trader and its spec, to begin with. */
#include "base/json_writer.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "script/embedded.h"
#include "script/trader.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACEHOLDER "TRADER_NAME"

typedef struct new_call {
    const char *name, *folder;
    bool as_json;
} new_call;

typedef struct part {
    const char *template, *ending, *kind;
    char path[PATH_MAX];
} part;

static const option OPTIONS[] = {
    {"dir", "DIR", "folder to write to (default: the current one)"},
    {"json", NULL, "what was written, one object a line: file, kind"},
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    new_call *call = context;
    if (!o && call->name) return diag_set(why, ERR_INVALID, "unexpected word \"%s\"; expected one name", value);
    if (!o) call->name = value;
    if (!o) return OK;
    if (strcmp(o->name, "dir") == 0) call->folder = value;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    return OK;
}

/* It becomes a file name and the trader's id. */
static err check_name(const char *name, diag *why) {
    size_t n = strlen(name);
    bool is_good = n > 0 && n < TRADER_KEY_MAX && *name != '-' && *name != '.';
    for (size_t i = 0; i < n; i++) is_good = is_good && (isalnum((unsigned char)name[i]) || strchr("_-", name[i]));
    if (is_good && n > 5 && strcmp(name + n - 5, "_spec") == 0) is_good = false; /* that is what specs are called */
    if (is_good) return OK;
    return diag_set(why, ERR_INVALID,
                    "the name is \"%s\"; expected letters, digits, _ and - (at most %d), such as rsi_rebound", name,
                    TRADER_KEY_MAX - 1);
}

static err parse(new_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    if (e != OK) return e;
    if (!call->name) return diag_set(why, ERR_INVALID, "no name is given; expected one such as rsi_rebound");
    return check_name(call->name, why);
}

static err write_text(FILE *file, const char *text, const char *name) {
    for (const char *at; (at = strstr(text, PLACEHOLDER)); text = at + strlen(PLACEHOLDER)) {
        fwrite(text, 1, (size_t)(at - text), file);
        fputs(name, file);
    }
    fputs(text, file);
    return ferror(file) ? ERR_IO : OK;
}

/* "x": a file that is there stays as it is. */
static err write_part(const part *p, const char *name, diag *why) {
    const char *text = NULL;
    FILE *file;
    err e;
    for (size_t i = 0; i < n_embedded_files; i++)
        if (strcmp(embedded_files[i].name, p->template) == 0) text = embedded_files[i].text;
    file = text ? fopen(p->path, "wx") : NULL;
    if (!file) return diag_set(why, ERR_IO, "%s: %s", p->path, strerror(errno));
    e = write_text(file, text, name);
    if (fclose(file) != 0 || e != OK) return diag_set(why, ERR_IO, "%s: %s", p->path, strerror(errno));
    return OK;
}

static void tell(const new_call *call, const part *p) {
    json_writer w;
    if (!call->as_json) {
        printf("wrote %s\n", p->path);
        return;
    }
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "file", p->path);
    json_put_text(&w, "kind", p->kind);
    json_write_object_end(&w);
    if (json_writer_text(&w)) puts(json_writer_text(&w));
    json_writer_deinit(&w);
}

static err write_both(const new_call *call, part parts[2], diag *why) {
    err e = OK;
    for (int i = 0; i < 2; i++) { /* none is written when one is there */
        int n = snprintf(parts[i].path, sizeof parts[i].path, "%s%s%s%s", call->folder ? call->folder : "",
                         call->folder ? "/" : "", call->name, parts[i].ending);
        if (n >= PATH_MAX) return diag_set(why, ERR_TOO_BIG, "%s: path too long", call->folder);
        if (access(parts[i].path, F_OK) == 0)
            return diag_set(why, ERR_EXISTS, "%s is there already; choose another name, or remove it", parts[i].path);
    }
    for (int i = 0; i < 2 && e == OK; i++) {
        e = write_part(&parts[i], call->name, why);
        if (e == OK) tell(call, &parts[i]);
    }
    return e;
}

static int run(int argc, char *const *argv) {
    new_call call = {0};
    diag why = {0};
    part parts[2] = {{.template = "template/trader.lua", .ending = ".lua", .kind = "trader"},
                     {.template = "template/trader_spec.lua", .ending = "_spec.lua", .kind = "spec"}};
    err e = parse(&call, argc, argv, &why);
    if (e != OK) return verb_fail(&NEW_VERB, EXIT_USAGE, &why);
    e = write_both(&call, parts, &why);
    if (e != OK) return verb_fail(&NEW_VERB, EXIT_FAILED, &why);
    if (!call.as_json)
        printf("\nnext: change the conditions and the spec that says when they hold, then\n"
               "  trademind check %s --specs\n"
               "  trademind replay --data DIR --traders %s\n",
               parts[0].path, call.folder ? call.folder : ".");
    return EXIT_OK;
}

const verb NEW_VERB = {
    .name = "new",
    .summary = "a trader and its spec, to begin with",
    .usage = "NAME [options]",
    .details =
        "Writes NAME.lua, a trader that works, and NAME_spec.lua, which says when it fires. Files that are there "
        "already stay as they are.",
    .options = OPTIONS,
    .run = run,
};
