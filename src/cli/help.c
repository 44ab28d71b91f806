#include "cli/help.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 22, SETTING_INDENT = 4 };

void help_wrap(const char *text, int indent, int column) {
    while (*text) {
        size_t bytes = strcspn(text, " \n");
        if (column > indent && column + 1 + (int)bytes > WIDTH) {
            putchar('\n');
            column = 0;
        }
        if (column < indent) {
            printf("%*s", indent - column, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        fwrite(text, 1, bytes, stdout);
        column += (int)bytes;
        text += bytes;
        if (*text == '\n') {
            putchar('\n');
            column = 0;
        }
        if (*text) text++;
    }
    putchar('\n');
}

void help_program(const verb *const *verbs) {
    fputs("trademind watches Binance symbols: candles come in, traders (Lua files) look at\n"
          "them, signals go out.\n\n"
          "Usage: trademind VERB [options]\n\n"
          "Verbs:\n",
          stdout);
    for (; *verbs; verbs++) {
        int column = printf("  %-12s", (*verbs)->name);
        help_wrap((*verbs)->summary, column, column);
    }
    fputs("  help        what a verb does and takes: help VERB, or VERB --help\n\n"
          "Start with `trademind run`: without any setting it watches the 100 busiest USDT\n"
          "symbols of Binance with the traders of ./lua/traders and needs no account.\n"
          "Settings come from the environment, from ./.env, or from --set NAME=value;\n"
          "`trademind help config` lists them.\n\n"
          "Exit codes: 0 ok, 1 findings or failure, 2 wrong usage, 3 not running,\n"
          "            4 wrong configuration, 5 timeout\n\n"
          "trademind --version prints the version.\n",
          stdout);
}

static void show_option(const option *o) {
    int column = printf("  --%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (column >= OPTION_COLUMN - 1) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", OPTION_COLUMN - column, "");
    help_wrap(o->help, OPTION_COLUMN, OPTION_COLUMN);
}

void help_verb(const verb *v) {
    printf("trademind %s: %s\n", v->name, v->summary);
    printf("\nUsage: trademind %s %s\n\n", v->name, v->usage);
    help_wrap(v->details, 0, 0);
    printf("\nOptions:\n");
    for (const option *o = v->options; o->name; o++) show_option(o);
    show_option(&(option){.name = "help", .help = "this text"});
    if (v->more_help) v->more_help();
}

void help_settings(void) {
    const char *group = "";
    for (size_t i = 0; i < config_item_count(); i++) {
        config_item item;
        config_item_get(NULL, i, &item);
        if (strcmp(group, item.group) != 0) printf("\n%s\n", item.group);
        group = item.group;
        printf("  %s\n", item.name);
        char text[512];
        snprintf(text, sizeof text, "%s.\nExpected: %s.\nDefault: %s", item.effect, item.expected,
                 *item.default_text ? item.default_text : "none");
        help_wrap(text, SETTING_INDENT, 0);
    }
}
