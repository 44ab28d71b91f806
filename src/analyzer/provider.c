#include "analyzer/provider.h"
#include "analyzer/gemini.h"
#include "analyzer/openai.h"
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *provider_name(const provider *p) { return p->kind == PROVIDER_GEMINI ? "gemini" : "openai"; }

static void set_headers(const provider *p, provider_request *out) {
    int n = 0;
    out->headers[n++] = "Content-Type: application/json";
    if (!*p->key) return;
    snprintf(out->auth, sizeof out->auth,
             p->kind == PROVIDER_GEMINI ? "x-goog-api-key: %s" : "Authorization: Bearer %s", p->key);
    out->headers[n++] = out->auth;
}

err provider_ask(const provider *p, const question *q, provider_request *out) {
    question whole = *q;
    json_writer w;
    err e;
    *out = (provider_request){.url = ""};
    if (!whole.model || !*whole.model) whole.model = p->model;
    e = p->kind == PROVIDER_GEMINI ? gemini_url(p->base_url, whole.model, out->url, sizeof out->url)
                                   : openai_url(p->base_url, out->url, sizeof out->url);
    if (e != OK) return e;
    set_headers(p, out);
    json_writer_init(&w);
    if (p->kind == PROVIDER_GEMINI)
        gemini_write(&w, &whole);
    else
        openai_write(&w, &whole);
    e = json_writer_take(&w, &out->body, &out->body_bytes);
    json_writer_deinit(&w);
    return e;
}

void provider_request_deinit(provider_request *r) {
    free(r->body);
    *r = (provider_request){.url = ""};
}

void provider_read(const provider *p, const http_facts *facts, reply *out) {
    if (p->kind == PROVIDER_GEMINI)
        gemini_read(facts, out);
    else
        openai_read(facts, out);
}

/* ---- prices ---- */

#define NEW_YEAR_2027_MS 1798761600000

typedef struct known_price {
    const char *model;
    int64_t from_ms; /* the last one that has begun counts */
    model_price price;
} known_price;

static const known_price KNOWN[] = {
    {"gemini-3.8-flash", 0, {0.75, 3.75, 0.075}},
    {"gemini-3.8-flash", NEW_YEAR_2027_MS, {1.50, 7.50, 0.15}},
    {"gemini-3.7-flash", 0, {0.75, 3.75, 0.075}}, /* routed to 3.8 */
    {"gemini-3.7-flash", NEW_YEAR_2027_MS, {1.50, 7.50, 0.15}},
    {"gemini-3.6-flash", 0, {0.75, 3.75, 0.075}},
    {"gemini-3.6-flash", NEW_YEAR_2027_MS, {1.50, 7.50, 0.15}},
    {"gemini-3.5-flash", 0, {1.50, 9.00, 0.15}},
    {"gemini-3.5-flash-lite", 0, {0.30, 2.50, 0.03}},
    {"gemini-2.5-flash", 0, {0.30, 2.50, 0.03}},
    {"gemini-2.5-flash-lite", 0, {0.10, 0.40, 0.01}},
    {"gemini-2.5-pro", 0, {1.25, 10, 0.125}},
};

/* Routers put the maker in front: google/gemini-3.8-flash. */
static const char *bare(const char *model) {
    const char *slash = strrchr(model, '/');
    return slash ? slash + 1 : model;
}

static bool find_own(const char *model, const char *const *own, size_t n_own, model_price *out) {
    for (size_t i = 0; i < n_own; i++) {
        char name[MODEL_BYTES];
        if (config_price_parse(own[i], name, sizeof name, &out->in, &out->out, &out->cached) &&
            strcmp(name, model) == 0)
            return true;
    }
    return false;
}

bool model_price_find(const char *model, const char *const *own, size_t n_own, int64_t market_ms, model_price *out) {
    bool is_found = false;
    if (find_own(model, own, n_own, out)) return true;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (strcmp(KNOWN[i].model, bare(model)) != 0 || KNOWN[i].from_ms > market_ms) continue;
        *out = KNOWN[i].price;
        is_found = true;
    }
    return is_found;
}

double model_price_of(const model_price *price, int64_t tokens_in, int64_t tokens_cached, int64_t tokens_out) {
    double full = (double)(tokens_in - tokens_cached), cached = (double)tokens_cached;
    return (full * price->in + cached * price->cached + (double)tokens_out * price->out) / 1e6;
}
