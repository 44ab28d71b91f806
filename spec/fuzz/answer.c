/* What models and their servers send: any bytes, as an answer and as the body of a reply. What is read as an answer is of the
 * form, and is read again the same once written; a reply has a text only when it says so. */
#include "analyzer/gemini.h"
#include "analyzer/openai.h"
#include "analyzer/opinion.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool is_price(double x) { return isnan(x) || (x > 0 && isfinite(x)); }

static bool are_prices(const level_list *list) {
    bool all = list->count >= 0 && list->count <= OPINION_LEVELS;
    for (int32_t i = 0; all && i < list->count; i++) all = list->at[i] > 0 && isfinite(list->at[i]);
    return all;
}

static void check_form(const opinion *a) {
    if (!(a->confidence >= 0 && a->confidence <= 100)) abort();
    if (!is_price(a->entry) || !is_price(a->stop)) abort();
    if (!are_prices(&a->targets) || !are_prices(&a->support) || !are_prices(&a->resistance)) abort();
    if (!isnan(a->risk_reward) && !(a->risk_reward >= 0 && isfinite(a->risk_reward))) abort();
    if (!a->reasoning || !a->setup || !a->execution || !a->invalidation) abort();
    if (!a->trend || !a->momentum || !a->volatility) abort();
    for (int32_t i = 0; i < a->n_observations; i++)
        if (!a->observations[i]) abort();
}

static void check_again(const opinion *a) {
    json_writer w;
    opinion b;
    diag why;
    json_writer_init(&w);
    opinion_write(&w, a);
    if (!json_writer_text(&w) || opinion_parse(w.text, w.bytes, &b, &why) != OK) abort();
    if (b.decision != a->decision || b.side != a->side || b.confidence != a->confidence) abort();
    if (strcmp(a->reasoning, b.reasoning) != 0 || a->targets.count != b.targets.count) abort();
    opinion_deinit(&b);
    json_writer_deinit(&w);
}

static void read_reply(void (*read)(const http_facts *, reply *), const uint8_t *data, size_t bytes) {
    static const int statuses[] = {200, 429, 500, 403};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        http_facts facts = {.status = statuses[i], .body = (const char *)data, .body_bytes = bytes};
        reply r;
        read(&facts, &r);
        if (r.kind == REPLY_ANSWER && (!r.text || r.why[0])) abort();
        if (r.kind != REPLY_ANSWER && !r.why[0]) abort();
        if (r.text && r.kind != REPLY_ANSWER && r.kind != REPLY_CUT) abort();
        if (r.kind == REPLY_ANSWER && statuses[i] != 200) abort();
        if (r.tokens_in < 0 || r.tokens_out < 0 || r.retry_ms < -1) abort();
        reply_deinit(&r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    opinion a;
    diag why = {0};
    err e = opinion_parse((const char *)data, bytes, &a, &why);
    if ((e == OK) != (why.text[0] == 0)) abort();
    if (e == OK) {
        check_form(&a);
        check_again(&a);
        opinion_deinit(&a);
    }
    read_reply(gemini_read, data, bytes);
    read_reply(openai_read, data, bytes);
    return 0;
}
