#include "notify/service.h"
#include "notify/discord.h"
#include "notify/telegram.h"
#include "notify/webhook.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WAIT_S = 86400 };

static const service *const SERVICES[N_NOTICE_SERVICES] = {
    [NOTICE_WEBHOOK] = &webhook_service, [NOTICE_TELEGRAM] = &telegram_service, [NOTICE_DISCORD] = &discord_service};

const service *service_get(notice_service which) { return SERVICES[which]; }

static bool is_continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* A character beyond U+FFFF, of four bytes, is two units. */
static size_t units_of(char first) { return is_continuation(first) ? 0 : (unsigned char)first >= 0xF0 ? 2 : 1; }

/* At most `most` UTF-16 units of it, which is how both messengers count, with an ellipsis in place of what is cut off. */
static char *cut_to(const char *text, size_t most) {
    static const char ellipsis[] = "\xE2\x80\xA6";
    size_t units = 0, fit = 0; /* fit: bytes that leave room for the ellipsis */
    char *cut;
    for (const char *at = text; *at; at++) units += units_of(*at);
    if (units <= most) return strdup(text);
    for (units = 0; units + units_of(text[fit]) < most || is_continuation(text[fit]); fit++)
        units += units_of(text[fit]);
    cut = malloc(fit + sizeof ellipsis);
    if (!cut) return NULL;
    memcpy(cut, text, fit);
    memcpy(cut + fit, ellipsis, sizeof ellipsis);
    return cut;
}

err service_word(notice_service which, const service_options *o, const notice *n, const char *id, const char *message,
                 char **body) {
    const service *s = SERVICES[which];
    if (s->word) return s->word(o, n, id, message, body);
    *body = s->most_units ? cut_to(message, s->most_units) : strdup(message);
    return *body ? OK : ERR_NO_MEMORY;
}

void service_request_deinit(service_request *r) {
    free(r->url);
    free(r->body);
    *r = (service_request){0};
}

void service_add_header(service_request *r, const char *name, const char *value) {
    if (r->n_headers == SERVICE_HEADERS_MAX) return;
    snprintf(r->headers[r->n_headers++], SERVICE_HEADER_BYTES, "%s: %s", name, value);
}

int64_t service_seconds(const char *text) {
    char *end = NULL;
    double seconds;
    if (!text || !((*text >= '0' && *text <= '9') || *text == '.')) return -1;
    seconds = strtod(text, &end);
    if (*end || !isfinite(seconds)) return -1;
    return (int64_t)(ceil(fmin(seconds, MAX_WAIT_S) * 1000));
}

/* 400, 413 and 422 are about this one body. Whatever else is refused may be put right at the other end: a token, a chat, an
 * address. */
void service_judge_status(const service_answer *a, service_verdict *out) {
    *out = (service_verdict){.outcome = SERVICE_RETRY, .wait_ms = -1};
    if (a->status >= 200 && a->status < 300) {
        *out = (service_verdict){.outcome = SERVICE_SENT};
        return;
    }
    if (a->status == 0) {
        snprintf(out->why, sizeof out->why, "%s", a->why ? a->why : "no answer");
        return;
    }
    snprintf(out->why, sizeof out->why, "it answers %d", a->status);
    if (a->status == 400 || a->status == 413 || a->status == 422) {
        out->outcome = SERVICE_REFUSED;
        out->wait_ms = 0;
    }
    if (a->status == 429 || a->status == 503) out->wait_ms = service_seconds(a->retry_after);
}
