/* How a configuration is made from the table of settings.
 *
 *   default ──► .env ──► environment ──► command line      texts, the later one wins
 *                          │
 *                          ▼
 *              check and convert, by the setting's type    the first bad one ends the load
 *                          │
 *                          ▼
 *                    typed fields of `config`              through the offset in the table
 *
 * All texts are collected first and checked afterwards, so a bad value that a stronger source replaces does no harm,
 * and the texts stay for the report. */
#include "config.h"

#include "base/dotenv.h"
#include "config_setting.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the texts and where they came from ---- */

typedef enum source { SOURCE_DEFAULT, SOURCE_DOTENV, SOURCE_ENVIRONMENT, SOURCE_COMMAND_LINE } source;

typedef struct value {
    char *text; /* NULL: none given */
    source source;
    int32_t line; /* SOURCE_DOTENV */
} value;

struct config_values {
    char *dotenv_path;
    char **warnings;
    size_t n_warnings;
    config_input input; /* without the executable */
    char key[SERVICE_KEY_MAX_BYTES];
    value values[]; /* as CONFIG_SETTINGS */
};

/* One load under way. */
typedef struct loader {
    const config_input *input;
    config *cfg;
    struct config_values *values;
    diag *why;
} loader;

static err collect_dotenv(loader *l);
static err collect_environment(loader *l);
static err collect_assignments(loader *l);
static err judge_cloud(const loader *l);
static err choose_key(loader *l);
static err warn_user(loader *l);
static err fill_default(loader *l, size_t index);
static err convert(loader *l, size_t index);
static err cut_cpus(loader *l);

static err no_memory(diag *why) {
    return diag_set(why, ERR_NO_MEMORY, "out of memory while reading the configuration");
}

err config_load(const config_input *input, config *out, diag *why) {
    *out = (config){.values = calloc(1, sizeof(struct config_values) + N_CONFIG_SETTINGS * sizeof(value))};
    loader l = {.input = input, .cfg = out, .values = out->values, .why = why};
    if (!out->values) return no_memory(why);
    out->values->input = *input;
    out->values->input.executable = NULL;
    err e = collect_dotenv(&l);
    if (e == OK) e = collect_environment(&l);
    if (e == OK) e = collect_assignments(&l);
    if (e == OK) e = judge_cloud(&l);
    for (size_t i = 0; e == OK && i < N_CONFIG_SETTINGS; i++) {
        e = fill_default(&l, i);
        if (e == OK) e = convert(&l, i);
    }
    if (e == OK) e = choose_key(&l);
    if (e == OK) e = warn_user(&l);
    if (e == OK) e = cut_cpus(&l);
    if (e != OK) config_deinit(out);
    return e;
}

void config_deinit(config *cfg) {
    config_list_free(&cfg->symbols);
    config_list_free(&cfg->auth_origins);
    config_list_free(&cfg->ai_prices);
    config_list_free(&cfg->binance_ws_urls);
    config_list_free(&cfg->binance_rest_urls);
    if (cfg->values) {
        for (size_t i = 0; i < N_CONFIG_SETTINGS; i++) free(cfg->values->values[i].text);
        for (size_t i = 0; i < cfg->values->n_warnings; i++) free(cfg->values->warnings[i]);
        free(cfg->values->warnings);
        free(cfg->values->dotenv_path);
        free(cfg->values);
    }
    *cfg = (config){0};
}

err config_read_key(const config *cfg, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    config again;
    err e = config_load(&cfg->values->input, &again, why);
    if (e != OK) return e;
    snprintf(out, SERVICE_KEY_MAX_BYTES, "%s", again.is_cloud ? again.supabase_key : "");
    config_deinit(&again);
    return *out ? OK : diag_set(why, ERR_INVALID, "SUPABASE_SERVICE_KEY is not set any more");
}

void config_input_here(config_input *input, char *path, size_t path_bytes) {
    extern char **environ;
    *input = (config_input){.environment = (const char *const *)environ, .dotenv_path = ".env", .n_cpus = 1};
    ssize_t bytes = readlink("/proc/self/exe", path, path_bytes - 1);
    path[bytes > 0 ? bytes : 0] = 0;
    if (bytes > 0) input->executable = path;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) input->n_cpus = CPU_COUNT(&cpus);
}

/* ---- collecting ---- */

__attribute__((format(printf, 2, 3))) static err warn(loader *l, const char *format, ...) {
    struct config_values *v = l->values;
    char **longer = realloc(v->warnings, (v->n_warnings + 1) * sizeof *longer);
    if (!longer) return no_memory(l->why);
    v->warnings = longer;
    va_list args;
    va_start(args, format);
    int written = vasprintf(&v->warnings[v->n_warnings], format, args);
    va_end(args);
    if (written < 0) return no_memory(l->why);
    v->n_warnings++;
    return OK;
}

static err store(loader *l, const config_setting *s, const char *text, source from, int32_t line) {
    value *v = &l->values->values[s - CONFIG_SETTINGS];
    char *copy = strdup(text);
    if (!copy) return no_memory(l->why);
    free(v->text);
    *v = (value){.text = copy, .source = from, .line = line};
    return OK;
}

static err on_dotenv(void *context, const char *name, const char *text, int32_t line, diag *why) {
    (void)why; /* the loader's own */
    loader *l = context;
    const config_setting *s = config_setting_find(name);
    if (s) return store(l, s, text, SOURCE_DOTENV, line);
    const char *meant = config_setting_suggest(name, false);
    if (!meant) return OK;
    return warn(l, "%s is not a setting (%s:%d); did you mean %s?", name, l->values->dotenv_path, (int)line, meant);
}

static err collect_dotenv(loader *l) {
    if (!l->input->dotenv_path) return OK;
    l->values->dotenv_path = strdup(l->input->dotenv_path);
    if (!l->values->dotenv_path) return no_memory(l->why);
    err e = dotenv_read(l->input->dotenv_path, on_dotenv, l, l->why);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Splits "NAME=value" and keeps the name in `name`, cut when it is longer. NULL when there is no "=". */
static const char *split_assignment(const char *assignment, char *name, size_t name_bytes) {
    const char *equals = strchr(assignment, '=');
    if (!equals) return NULL;
    snprintf(name, name_bytes, "%.*s", (int)(equals - assignment), assignment);
    return equals + 1;
}

enum { NAME_BYTES = 128 };

static err collect_environment(loader *l) {
    for (const char *const *at = l->input->environment; at && *at; at++) {
        char name[NAME_BYTES];
        const char *text = split_assignment(*at, name, sizeof name);
        if (!text) continue;
        const config_setting *s = config_setting_find(name);
        const char *meant = s ? NULL : config_setting_suggest(name, true);
        err e = OK;
        if (s) e = store(l, s, text, SOURCE_ENVIRONMENT, 0);
        if (meant) e = warn(l, "%s is not a setting (environment); did you mean %s?", name, meant);
        if (e != OK) return e;
    }
    return OK;
}

static err collect_assignments(loader *l) {
    for (const char *const *at = l->input->assignments; at && *at; at++) {
        char name[NAME_BYTES];
        const char *text = split_assignment(*at, name, sizeof name);
        if (!text) return diag_set(l->why, ERR_INVALID, "--set \"%s\": found no \"=\"; expected NAME=value", *at);
        const config_setting *s = config_setting_find(name);
        if (!s) {
            const char *meant = config_setting_suggest(name, false);
            return diag_set(l->why, ERR_NOT_FOUND, "--set %s: there is no such setting; %s%s%s", name,
                            meant ? "did you mean " : "trademind help config lists them", meant ? meant : "",
                            meant ? "?" : "");
        }
        err e = store(l, s, text, SOURCE_COMMAND_LINE, 0);
        if (e != OK) return e;
    }
    return OK;
}

static bool is_given(const value *v) { return v->text && *v->text; }

static const value *value_of(const loader *l, const char *name) {
    return &l->values->values[config_setting_find(name) - CONFIG_SETTINGS];
}

/* A part of them would run without the database that the operator expects. */
static err judge_cloud(const loader *l) {
    static const char *const needed[] = {"USER_ID", "SUPABASE_URL"};
    const char *given = NULL, *missing = NULL;
    for (size_t i = 0; i < N_CONFIG_SETTINGS; i++)
        if (CONFIG_SETTINGS[i].is_cloud && is_given(&l->values->values[i])) given = CONFIG_SETTINGS[i].name;
    if (!given) return OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!is_given(value_of(l, needed[i]))) missing = needed[i];
    if (!is_given(value_of(l, "SUPABASE_SERVICE_KEY")) && !is_given(value_of(l, "SUPABASE_SERVICE_KEY_B64")))
        missing = "SUPABASE_SERVICE_KEY";
    l->cfg->is_cloud = true;
    if (!missing) return OK;
    return diag_set(l->why, ERR_INVALID,
                    "%s is set, but %s is not; cloud mode needs USER_ID, SUPABASE_URL and SUPABASE_SERVICE_KEY (or "
                    "SUPABASE_SERVICE_KEY_B64), a local one none of them",
                    given, missing);
}

/* The plain one, else the decoded one. */
static err choose_key(loader *l) {
    if (!l->cfg->is_cloud) {
        l->cfg->user_id = "local";
        return OK;
    }
    if (*l->cfg->supabase_key) return OK;
    err e = service_key_decode(l->cfg->supabase_key_base64, l->values->key, l->why);
    l->cfg->supabase_key = l->values->key;
    return e;
}

/* Supabase's users are UUIDs; another name is good for a trial against a database of one's own. */
static err warn_user(loader *l) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *id = l->cfg->user_id;
    bool is_uuid = strlen(id) == sizeof form - 1;
    for (size_t i = 0; is_uuid && form[i]; i++)
        is_uuid = form[i] == '-' ? id[i] == '-' : isxdigit((unsigned char)id[i]);
    if (!l->cfg->is_cloud || is_uuid) return OK;
    return warn(l, "USER_ID is \"%s\", which is no UUID: the tables of Supabase will refuse its rows", id);
}

/* ---- defaults ---- */

static err fill_default(loader *l, size_t index) {
    const config_setting *s = &CONFIG_SETTINGS[index];
    value *v = &l->values->values[index];
    if (is_given(v)) return OK;
    char text[PATH_MAX] = "";
    if (s->derive) {
        s->derive(l->input, l->cfg->is_cloud, text, sizeof text);
    } else if (s->initial) {
        snprintf(text, sizeof text, "%s", s->initial);
    }
    return store(l, s, text, SOURCE_DEFAULT, 0);
}

/* ---- checking and converting ---- */

static void describe_source(const struct config_values *values, const value *v, char *out, size_t bytes) {
    if (v->source == SOURCE_DOTENV) {
        snprintf(out, bytes, "%s:%d", values->dotenv_path, (int)v->line);
    } else {
        static const char *const names[] = {"default", "", "environment", "command line"};
        snprintf(out, bytes, "%s", names[v->source]);
    }
}

enum { SHOWN_BYTES = 80 };

/* What was found, fit for one line of a terminal: cut, and without control characters. */
static void show_text(const char *text, char out[SHOWN_BYTES]) {
    size_t bytes = strlen(text), kept = bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES - 4;
    for (size_t i = 0; i < kept; i++) out[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
    snprintf(out + kept, SHOWN_BYTES - kept, "%s", bytes > kept ? "..." : "");
}

static err refuse(const loader *l, size_t index) {
    const config_setting *s = &CONFIG_SETTINGS[index];
    const value *v = &l->values->values[index];
    char expected[128], from[64], found[SHOWN_BYTES];
    config_form_describe(&s->form, expected, sizeof expected);
    describe_source(l->values, v, from, sizeof from);
    show_text(v->text, found);
    if (!*v->text)
        return diag_set(l->why, ERR_INVALID, "%s has no value and no default here (%s); expected %s", s->name,
                        s->described ? s->described : "none", expected);
    bool needs_article = v->source == SOURCE_ENVIRONMENT || v->source == SOURCE_COMMAND_LINE;
    return diag_set(l->why, ERR_INVALID, "%s is \"%s\"; expected %s (from %s%s)", s->name,
                    s->is_secret ? "(hidden)" : found, expected, needs_article ? "the " : "", from);
}

static err convert(loader *l, size_t index) {
    const config_setting *s = &CONFIG_SETTINGS[index];
    err e = config_form_convert(&s->form, l->values->values[index].text, (char *)l->cfg + s->offset);
    if (e == ERR_NO_MEMORY) return no_memory(l->why);
    return e == OK ? OK : refuse(l, index);
}

static err cut_cpus(loader *l) {
    int64_t wanted = l->cfg->machine_cpus, there = l->input->n_cpus;
    if (there < 1 || wanted <= there) return OK;
    l->cfg->machine_cpus = there;
    return warn(l,
                "MACHINE_CPUS is %" PRId64 ", but this process may use %" PRId64 " CPU%s; it starts with %" PRId64
                " worker%s",
                wanted, there, there == 1 ? "" : "s", there, there == 1 ? "" : "s");
}

/* ---- reports ---- */

size_t config_warning_count(const config *cfg) { return cfg->values->n_warnings; }

const char *config_warning(const config *cfg, size_t index) { return cfg->values->warnings[index]; }

size_t config_item_count(void) { return N_CONFIG_SETTINGS; }

void config_item_get(const config *cfg, size_t index, config_item *out) {
    const config_setting *s = &CONFIG_SETTINGS[index];
    *out = (config_item){.name = s->name,
                         .group = s->group,
                         .effect = s->effect,
                         .value = "",
                         .is_secret = s->is_secret,
                         .is_live = s->is_live};
    out->default_text = s->described ? s->described : s->initial ? s->initial : "";
    config_form_describe(&s->form, out->expected, sizeof out->expected);
    if (!cfg) return;
    const value *v = &cfg->values->values[index];
    describe_source(cfg->values, v, out->source, sizeof out->source);
    out->is_set = v->source != SOURCE_DEFAULT && is_given(v);
    if (is_given(v)) out->value = s->is_secret ? "(hidden)" : v->text;
}

void config_log(const config *cfg) {
    for (size_t i = 0; i < N_CONFIG_SETTINGS; i++) {
        config_item item;
        config_item_get(cfg, i, &item);
        log_info("config", "%s = %s (%s): %s", item.name, *item.value ? item.value : "none", item.source, item.effect);
    }
    for (size_t i = 0; i < cfg->values->n_warnings; i++) log_warn("config", "%s", cfg->values->warnings[i]);
}
