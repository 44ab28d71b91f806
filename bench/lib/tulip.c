/* See tulip.h. */
#include "bench/lib/tulip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_TULIP
#include <indicators.h>

typedef struct step {
    const ti_indicator_info *info;
    double option[TULIP_OPTIONS];
    const double *input[TI_MAXINDPARAMS];
    double *output[TI_MAXINDPARAMS];
    int32_t count;
} step;

struct tulip {
    int32_t n_steps;
    step steps[TULIP_CALLS];
};

/* Where an input of that name lies; NULL: there is no such array among bars. */
static const double *field(const tulip_bars *bars, const char *name) {
    const struct {
        const char *name;
        const double *data;
    } fields[] = {{"open", bars->open},
                  {"high", bars->high},
                  {"low", bars->low},
                  {"close", bars->close},
                  {"volume", bars->volume}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(name, fields[i].name) == 0) return fields[i].data;
    return NULL;
}

static err add_step(tulip *t, const tulip_call *call, const tulip_bars *bars) {
    step *s = &t->steps[t->n_steps];
    const step *before = t->n_steps ? s - 1 : NULL;
    /* Tulip leaves the warm-up out: its outputs are that much shorter. */
    int32_t missing = before ? before->info->start(before->option) : 0;
    s->info = ti_find_indicator(call->name);
    if (!s->info || s->info->options > TULIP_OPTIONS) return ERR_INVALID;
    memcpy(s->option, call->option, sizeof s->option);
    s->count = bars->count;
    for (int i = 0; i < s->info->inputs; i++) {
        s->input[i] = field(bars, s->info->input_names[i]);
        if (s->input[i]) continue;
        s->input[i] = before ? before->output[0] : i ? bars->open : bars->close;
        if (before) s->count = before->count - missing;
    }
    t->n_steps++;
    for (int o = 0; o < s->info->outputs; o++)
        if (!(s->output[o] = calloc((size_t)bars->count, sizeof(double)))) return ERR_NO_MEMORY;
    return s->count > s->info->start(s->option) ? OK : ERR_INVALID;
}

bool tulip_is_there(void) { return true; }

err tulip_new(const tulip_call *calls, const tulip_bars *bars, tulip **out) {
    tulip *t = calloc(1, sizeof *t);
    err e = t ? OK : ERR_NO_MEMORY;
    for (int32_t c = 0; e == OK && c < TULIP_CALLS && calls[c].name; c++) e = add_step(t, &calls[c], bars);
    for (int32_t c = 0; e == OK && c < t->n_steps; c++) {
        step *s = &t->steps[c];
        if (s->info->indicator(s->count, s->input, s->option, s->output) != TI_OKAY) e = ERR_INVALID;
    }
    if (e != OK) {
        tulip_free(t);
        t = NULL;
    }
    *out = t;
    return e;
}

void tulip_free(tulip *t) {
    if (!t) return;
    for (int32_t c = 0; c < t->n_steps; c++)
        for (int o = 0; o < t->steps[c].info->outputs; o++) free(t->steps[c].output[o]);
    free(t);
}

void tulip_run(const tulip *t) {
    for (int32_t c = 0; c < t->n_steps; c++) {
        const step *s = &t->steps[c];
        (void)s->info->indicator(s->count, s->input, s->option, s->output);
    }
}

void tulip_describe(const tulip *t, char *out, size_t bytes) {
    size_t used = (size_t)snprintf(out, bytes, "Tulip %s", TI_VERSION);
    for (int32_t c = 0; c < t->n_steps; c++) {
        const step *s = &t->steps[c];
        used += (size_t)snprintf(out + used, used < bytes ? bytes - used : 0, "%s %s", c ? ";" : ":", s->info->name);
        for (int o = 0; o < s->info->options; o++)
            used += (size_t)snprintf(out + used, used < bytes ? bytes - used : 0, " %g", s->option[o]);
    }
}

#else

bool tulip_is_there(void) { return false; }

err tulip_new(const tulip_call *calls, const tulip_bars *bars, tulip **out) {
    (void)calls, (void)bars;
    *out = NULL;
    return ERR_NOT_FOUND;
}

void tulip_free(tulip *t) { (void)t; }
void tulip_run(const tulip *t) { (void)t; }
void tulip_describe(const tulip *t, char *out, size_t bytes) { (void)t, snprintf(out, bytes, "none"); }

#endif
