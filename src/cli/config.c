/* `trademind config`: the table of settings with this process's values, for people, for programs, or as the page of
 * the documentation. */
#include "config.h"

#include "base/json_writer.h"
#include "cli/help.h"
#include "cli/settings.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct config_call {
    settings settings;
    bool as_json, as_docs;
} config_call;

static const option OPTIONS[] = {
    {"json", NULL, "one object a line: name, value, source, effect, default, expected, secret, active"},
    {"docs", NULL, "the page docs/configuration.md, which depends on no setting"},
    SETTINGS_OPTION,
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    config_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "docs") == 0) call->as_docs = true;
    return OK;
}

/* ---- the page ---- */

/* A cell of a table: "|" would end it, and "*" or "<" would mean something. */
static void write_cell(const char *text) {
    for (; *text; text++) {
        if (strchr("|*<_", *text)) putchar('\\');
        putchar(*text);
    }
}

static void write_row(const config_item *item) {
    printf("| `%s` | ", item->name);
    write_cell(*item->default_text ? item->default_text : "none");
    printf(" | ");
    write_cell(item->expected);
    printf(" | ");
    write_cell(item->effect);
    printf("%s |\n", item->is_live ? " (live)" : "");
}

static void write_settings(void) {
    const char *group = "";
    for (size_t i = 0; i < config_item_count(); i++) {
        config_item item;
        config_item_get(NULL, i, &item);
        if (strcmp(group, item.group) != 0) {
            printf("\n## %s\n\n| name | default | expected | effect |\n|---|---|---|---|\n", item.group);
            group = item.group;
        }
        write_row(&item);
    }
}

static int write_docs(void) {
    fputs(
        "# Configuration\n\n"
        "<!-- Made by `trademind config --docs`; a spec compares the two. -->\n\n"
        "With no setting at all `trademind run` works. A setting comes from, the later one winning:\n\n"
        "1. its default,\n"
        "2. the file `.env` in the current folder, if there is one,\n"
        "3. the environment,\n"
        "4. the command line: `--set NAME=value`.\n\n"
        "An empty value means the default. A bad value stops the start with one line:\n"
        "`PORT is \"eighty\"; expected a whole number from 0 to 65535 (from .env:3)`. A change takes effect at the\n"
        "next start. `trademind config` shows every value and where it came from; secrets are never printed.\n\n"
        "In `.env` a line is `NAME=value`, `export NAME=value`, a `# comment` or empty. `'...'` is taken as it "
        "stands,\n"
        "`\"...\"` knows the escapes `\\n \\r \\t \\\" \\\\ \\$`; without quotes the value ends at the end of the line "
        "or at a\n"
        "`#` behind a blank. Nothing is expanded.\n",
        stdout);
    write_settings();
    return EXIT_OK;
}

/* ---- the values ---- */

static err write_json(const config_item *item) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "name", item->name);
    json_put_text(&w, "value", *item->value ? item->value : NULL);
    json_put_text(&w, "source", item->source);
    json_put_text(&w, "effect", item->effect);
    json_put_text(&w, "default", *item->default_text ? item->default_text : NULL);
    json_put_text(&w, "expected", item->expected);
    json_put_bool(&w, "secret", item->is_secret);
    json_write_object_end(&w);
    char *text = NULL;
    size_t bytes;
    err e = json_writer_take(&w, &text, &bytes);
    if (e == OK) puts(text);
    free(text);
    json_writer_deinit(&w);
    return e;
}

static void write_human(const config_item *item, const char **group) {
    if (strcmp(*group, item->group) != 0) {
        printf("%s%s\n", **group ? "\n" : "", item->group);
        *group = item->group;
    }
    printf("  %s = %s  (%s)\n", item->name, *item->value ? item->value : "none", item->source);
    help_wrap(item->effect, 6, 0);
}

static err write_values(const config *cfg, bool as_json) {
    err e = OK;
    const char *group = "";
    for (size_t i = 0; e == OK && i < config_item_count(); i++) {
        config_item item;
        config_item_get(cfg, i, &item);
        if (as_json) {
            e = write_json(&item);
        } else {
            write_human(&item, &group);
        }
    }
    for (size_t i = 0; i < config_warning_count(cfg); i++)
        fprintf(stderr, "trademind: warning: %s\n", config_warning(cfg, i));
    return e;
}

static int run(int argc, char *const *argv) {
    config_call call = {0};
    config cfg = {0};
    diag why = {0};
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    if (e != OK) return verb_fail(&CONFIG_VERB, EXIT_USAGE, &why);
    if (call.as_docs) return write_docs();
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&CONFIG_VERB, settings_exit_code(e), &why);
    e = write_values(&cfg, call.as_json);
    config_deinit(&cfg);
    if (e == OK) return EXIT_OK;
    (void)diag_set(&why, e, "%s", error_text(e));
    return verb_fail(&CONFIG_VERB, EXIT_FAILED, &why);
}

static void more_help(void) {
    printf("\nSettings, as NAME=value in the environment, in .env or behind --set:\n");
    help_settings();
}

const verb CONFIG_VERB = {
    .name = "config",
    .summary = "show every setting, its value and where it came from",
    .usage = "[options]",
    .details =
        "Checks the configuration as `run` would, starts nothing, and prints it. Values of secrets are not shown.",
    .options = OPTIONS,
    .run = run,
    .more_help = more_help,
};
