/* Help for people, at most 80 columns, to stdout. */
#pragma once
#include "cli/verbs.h"

/* `text` in lines of at most 80 columns, all but the first indented; the first continues at `column`. '\n' in the text
 * starts a new line. */
void help_wrap(const char *text, int indent, int column);
/* Verbs is NULL-terminated. */
void help_program(const verb *const *verbs);
void help_verb(const verb *v);
/* All settings with effect, form and default. */
void help_settings(void);
