/* The table of settings: what there is to set, which form it has and what it is without being set.
 * Threads: pure. */
#pragma once
#include "config.h"

typedef struct config_setting {
    const char *name, *group, *effect;
    config_form form;
    size_t offset;       /* of the field in `config` */
    const char *initial; /* the default as text; NULL: none, or `derive` finds it */
    /* A default that depends on where we run; writes it, or leaves "". `described` says how, for people. */
    void (*derive)(const config_input *input, bool is_cloud, char *out, size_t bytes);
    const char *described;
    bool is_secret;
    bool is_live;
    bool is_cloud; /* switches cloud mode on */
} config_setting;

extern const config_setting CONFIG_SETTINGS[];
extern const size_t N_CONFIG_SETTINGS;

/* NULL: there is none of that name. */
const config_setting *config_setting_find(const char *name);
/* A name that may have been meant; NULL when none is near. */
const char *config_setting_suggest(const char *name, bool own_prefixes_only);
