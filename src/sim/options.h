/* The command line of exchange-sim. Pure. */
#pragma once
#include "base/errors.h"
#include "base/log.h"

typedef struct options {
    const struct venue *venue;
    bool takes_legacy_paths;
    const char *data;       /* folder of recorded klines; NULL: the market model */
    const char *symbols;    /* NULL: all of the folder, or the model's default */
    int64_t from_ms, to_ms; /* INT64_MIN, INT64_MAX when not given */
    double speed;           /* 0: as fast as the listeners read */
    uint64_t seed;
    uint32_t n_updates;
    const char *host;
    int port;
    int n_hosts;
    const char *scene; /* NULL: none */
    bool has_faults;   /* random ones */
    uint64_t faults_seed;
    int64_t faults_every_ms;
    bool has_control;
    int64_t stay_ms; /* after the end; INT64_MAX: until stopped */
    bool starts_now;
    bool stands; /* at any speed while nobody listens */
    bool wants_help;
    int64_t ping_every_ms, pong_within_ms;
    log_level level;
    log_format format;
} options;

/* ERR_INVALID with a sentence that names the option, what was found and what was expected. */
MUST_CHECK err options_parse(int argc, char **argv, options *out, diag *why);
const char *options_help(void);
