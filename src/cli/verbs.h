/* The command line: one verb per file, found by name, started with what stands behind it.
 *
 * Every verb: `--help` (or `-h`), data to stdout, everything else to stderr, never a prompt, and an exit code of the
 * list below.
 * Threads: the main thread, before any other. */
#pragma once
#include "base/errors.h"
#include "cli/options.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,      /* findings, or it did not work */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_NOT_RUNNING = 3, /* no daemon answers */
    EXIT_CONFIG = 4,      /* a setting is wrong */
    EXIT_TIMEOUT = 5
};

typedef struct verb {
    const char *name;
    const char *summary; /* one line, for the list of verbs */
    const char *usage;   /* what follows the verb, e.g. "--data DIR [options]" */
    const char *details; /* paragraphs, with '\n' between them */
    const option *options;
    int (*run)(int argc, char *const *argv); /* argv starts behind the verb */
    void (*more_help)(void);                 /* to stdout, below the options; may be NULL */
} verb;

extern const verb RUN_VERB, REPLAY_VERB, NEW_VERB, CHECK_VERB, EVAL_VERB, EXPLAIN_VERB, ANALYZE_VERB, CONFIG_VERB,
    STATUS_VERB, FETCH_VERB, DATA_VERB, OUTBOX_VERB, IMPORT_VERB, EXPORT_VERB, PROVISION_VERB, PROVISIONER_VERB;

/* The whole program: returns the exit code. */
int verbs_main(int argc, char *const *argv);

/* "trademind: SENTENCE" to stderr, and for wrong usage where the help is. Returns `code`. */
int verb_fail(const verb *v, enum exit_code code, const diag *why);
