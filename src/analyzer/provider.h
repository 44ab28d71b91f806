/* A server of models: where it is, what it costs, and how its kind is spoken to.
 * Threads: immutable once made. Ownership: texts are borrowed from the configuration. */
#pragma once
#include "analyzer/reply.h"
#include "base/json_writer.h"

enum { PROVIDER_URL_BYTES = 2048, PROVIDER_HEADERS = 3 };

typedef enum provider_kind { PROVIDER_GEMINI, PROVIDER_OPENAI } provider_kind;

typedef struct provider {
    provider_kind kind;
    const char *base_url, *key, *model; /* key "": none */
} provider;

/* USD per million tokens. */
typedef struct model_price {
    double in, out, cached;
} model_price;

/* A request, with its texts. */
typedef struct provider_request {
    char url[PROVIDER_URL_BYTES];
    char auth[512];
    const char *headers[PROVIDER_HEADERS + 1]; /* NULL at the end; point into this struct or to constants */
    char *body;
    size_t body_bytes;
} provider_request;

const char *provider_name(const provider *p); /* "gemini", "openai" */
/* `q->model` NULL: the provider's own. ERR_INVALID: the model is no name there; ERR_TOO_BIG, ERR_NO_MEMORY. */
MUST_CHECK err provider_ask(const provider *p, const question *q, provider_request *out);
void provider_request_deinit(provider_request *r);
void provider_read(const provider *p, const http_facts *facts, reply *out);

/* The price of a model: by `own` (texts of AI_PRICES), else by the list of known ones as of November 2026, in which `market_ms` tells
 * those that change with 2027. False: not known. */
bool model_price_find(const char *model, const char *const *own, size_t n_own, int64_t market_ms, model_price *out);
double model_price_of(const model_price *price, int64_t tokens_in, int64_t tokens_cached, int64_t tokens_out);
