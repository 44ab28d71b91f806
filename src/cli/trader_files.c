/* Traders as files. What a file says of itself (its name, say) is known once it is compiled, as `run` would. */
#include "cli/trader_place.h"
#include "script/script_setup.h"
#include "script/trader_folder.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMESPACE "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"

/* ---- compiling ---- */

typedef struct compiler {
    watchdog *dog;
    guard *guard;
    registry *registry;
    script_limits limits;
} compiler;

static void close_compiler(compiler *c) {
    registry_free(c->registry);
    if (c->guard) guard_detach(c->guard);
    if (c->dog) watchdog_stop(c->dog);
}

static err open_compiler(const config *cfg, compiler *c, diag *why) {
    *c = (compiler){.limits = script_limits_from(cfg)};
    err e = watchdog_start(&c->dog);
    if (e == OK) e = guard_attach(c->dog, &c->guard);
    if (e == OK) e = registry_new(&c->registry);
    if (e == OK) return OK;
    close_compiler(c);
    return diag_set(why, e, "%s", error_text(e));
}

/* In a state of its own: whatever one does, the next one begins anew. */
static err compile(const compiler *c, const trader_source *source, trader_spec **spec, diag *why) {
    script_state *state = NULL;
    err e = script_state_new(c->registry, c->guard, &c->limits, &state, why);
    if (e == OK) e = script_state_load(state, 0, source, spec, why);
    script_state_free(state);
    return e;
}

/* ---- reading ---- */

/* The same file is the same row of a user, however often it is imported. */
static void id_of(const char *user_id, const char *key, char id[UUID_TEXT_BYTES]) {
    char text[TRADER_KEY_MAX + UUID_TEXT_BYTES + 16];
    int n = snprintf(text, sizeof text, "user:%s|file:%s", user_id, key);
    trader_id_of(key, id);
    if (strcmp(id, key) != 0) (void)uuid5(NAMESPACE, text, (size_t)n, id);
}

static char *copy(const char *text) { return text ? strdup(text) : NULL; }

static err make_row(const trader_source *source, const trader_spec *spec, const char *user_id, trader_row *row) {
    const char *key = spec ? spec->key : source->key;
    *row = (trader_row){.is_enabled = !spec || spec->is_enabled,
                        .is_in_cloud = true,
                        .tier = TIER_ELITE,
                        .name = copy(spec ? spec->name : key),
                        .description = copy(spec && spec->description ? spec->description : ""),
                        .language = copy("lua"),
                        .key = copy(source->key),
                        .code = copy(source->code),
                        .inputs = strcmp(source->inputs, "{}") == 0 ? NULL : copy(source->inputs)};
    id_of(user_id, source->key, row->id);
    snprintf(row->user_id, sizeof row->user_id, "%s", user_id);
    if (row->name && row->description && row->language && row->key && row->code) return OK;
    trader_row_deinit(row);
    return ERR_NO_MEMORY;
}

static err add(const compiler *c, const trader_place *p, const trader_source *source, trader_row_list *out,
               place_problem_fn on_problem, void *context) {
    trader_spec *spec = NULL;
    trader_row row;
    diag why;
    err e = OK;
    if (c && compile(c, source, &spec, &why) != OK) {
        on_problem(context, source->key, why.text);
        return OK;
    }
    e = make_row(source, spec, p->cfg->user_id, &row);
    if (e == OK && (e = trader_row_list_add(out, &row)) != OK) trader_row_deinit(&row);
    trader_spec_free(spec);
    return e;
}

err trader_files_read(const trader_place *p, bool is_target, trader_row_list *out, place_problem_fn on_problem,
                      void *context, diag *why) {
    trader_folder f;
    compiler c;
    err e = trader_folder_scan(p->path, &f, why);
    if (e == ERR_NOT_FOUND && is_target) return OK;
    if (e != OK) return e;
    if (!is_target) e = open_compiler(p->cfg, &c, why);
    if (e == OK) {
        for (int32_t i = 0; i < f.n_failures && !is_target; i++)
            on_problem(context, f.failures[i].key, f.failures[i].why.text);
        for (int32_t i = 0; i < f.count && e == OK; i++)
            e = add(is_target ? NULL : &c, p, f.sources[i], out, on_problem, context);
        if (e != OK) (void)diag_set(why, e, "%s", error_text(e));
        if (!is_target) close_compiler(&c);
    }
    trader_folder_deinit(&f);
    return e;
}

/* ---- writing ---- */

err trader_files_put(const trader_place *p, const trader_row *row, diag *why) {
    char inputs[PATH_MAX];
    if (mkdir(p->path, 0777) != 0 && errno != EEXIST) return diag_set(why, ERR_IO, "%s: %s", p->path, strerror(errno));
    if (row->inputs) {
        err e = trader_folder_write(p->path, row->key, ".json", row->inputs, false, why);
        if (e != OK) return e;
    } else if (snprintf(inputs, sizeof inputs, "%s/%s.json", p->path, row->key) < PATH_MAX && remove(inputs) != 0 &&
               errno != ENOENT) {
        return diag_set(why, ERR_IO, "%s: %s", inputs, strerror(errno));
    }
    return trader_folder_write(p->path, row->key, ".lua", row->code, false, why);
}
