#include "cli/verbs.h"

#include "base/nearest.h"
#include "cli/help.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const verb *const VERBS[] = {&RUN_VERB,         &REPLAY_VERB,  &NEW_VERB,    &CHECK_VERB,  &EVAL_VERB,
                                    &EXPLAIN_VERB,     &ANALYZE_VERB, &CONFIG_VERB, &STATUS_VERB, &FETCH_VERB,
                                    &DATA_VERB,        &OUTBOX_VERB,  &IMPORT_VERB, &EXPORT_VERB, &PROVISION_VERB,
                                    &PROVISIONER_VERB, NULL};
enum { N_VERBS = 16 };
_Static_assert(sizeof VERBS == (N_VERBS + 1) * sizeof(verb *), "one NULL behind the verbs");

int verb_fail(const verb *v, enum exit_code code, const diag *why) {
    fprintf(stderr, "trademind: %s\n", why->text);
    if (code == EXIT_USAGE) fprintf(stderr, "See: trademind %s%s--help\n", v ? v->name : "", v ? " " : "");
    return code;
}

static const verb *find(const char *name) {
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(VERBS[i]->name, name) == 0) return VERBS[i];
    }
    return NULL;
}

static int refuse_verb(const char *name) {
    const char *names[N_VERBS + 2] = {"help"};
    for (size_t i = 0; i < N_VERBS; i++) names[i + 1] = VERBS[i]->name;
    const char *meant = nearest_name(name, names);
    diag why;
    (void)diag_set(&why, ERR_INVALID, "unknown verb \"%s\"%s%s%s", name, meant ? "; did you mean " : "",
                   meant ? meant : "", meant ? "?" : "");
    return verb_fail(NULL, EXIT_USAGE, &why);
}

static bool asks_for_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int help(const char *name) {
    const verb *v = name ? find(name) : NULL;
    if (name && !v) return refuse_verb(name);
    if (v) {
        help_verb(v);
    } else {
        help_program(VERBS);
    }
    return EXIT_OK;
}

static int run_verb(const verb *v, int argc, char *const *argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (asks_for_help(argv[i])) return help(v->name);
    }
    return v->run(argc, argv);
}

static int dispatch(int argc, char *const *argv) {
    if (argc < 2) {
        diag why;
        (void)diag_set(&why, ERR_INVALID, "no verb given; `trademind run` starts the daemon");
        return verb_fail(NULL, EXIT_USAGE, &why);
    }
    const char *word = argv[1];
    if (asks_for_help(word) || strcmp(word, "help") == 0)
        return help(argc > 2 && !asks_for_help(argv[2]) ? argv[2] : NULL);
    if (strcmp(word, "--version") == 0) {
        puts("trademind " TRADEMIND_VERSION);
        return EXIT_OK;
    }
    const verb *v = find(word);
    return v ? run_verb(v, argc - 2, argv + 2) : refuse_verb(word);
}

/* True when stdout is a pipe that nobody reads any more (`| head`). */
static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* Data that could not be written is a failure, or a full disk would look like success. A reader that went away needs no
 * word about it. */
int verbs_main(int argc, char *const *argv) {
    int code = dispatch(argc, argv);
    errno = 0; /* stays 0 when an earlier write failed */
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    if (!reader_left()) fprintf(stderr, "trademind: stdout: %s\n", errno ? strerror(errno) : "could not be written");
    return code == EXIT_OK ? EXIT_FAILED : code;
}
