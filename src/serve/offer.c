#include "serve/offer.h"
#include "serve/auth.h"
#include <openssl/crypto.h>
#include <string.h>

/* Leaves the token at the front of `o->token`. */
static void keep(offer *o, offer_place place, const char *token, size_t bytes) {
    o->place = place;
    o->bytes = token ? bytes : 0;
    memmove(o->token, token ? token : o->token, o->bytes);
}

static void read_header(struct lws *wsi, offer *o) {
    size_t bytes = 0;
    int copied = lws_hdr_copy(wsi, o->token, sizeof o->token, WSI_TOKEN_HTTP_AUTHORIZATION);
    const char *token = copied > 0 ? auth_find_bearer(o->token, &bytes) : NULL;
    keep(o, OFFER_HEADER, token, bytes);
}

static bool read_list(struct lws *wsi, offer *o) {
    static const char moved[] = OFFER_MOVED_HEADER ":";
    if (lws_hdr_custom_length(wsi, moved, sizeof moved - 1) > 0)
        return lws_hdr_custom_copy(wsi, o->token, sizeof o->token, moved, sizeof moved - 1) > 0;
    return lws_hdr_copy(wsi, o->token, sizeof o->token, WSI_TOKEN_PROTOCOL) > 0;
}

void offer_read(struct lws *wsi, offer *out) {
    size_t bytes = 0;
    out->place = OFFER_NONE;
    out->bytes = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) > 0) {
        read_header(wsi, out);
        return;
    }
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) <= 0) return;
    const char *token = read_list(wsi, out) ? auth_find_subprotocol(out->token, &bytes) : NULL;
    if (token) keep(out, OFFER_SUBPROTOCOL, token, bytes);
}

void offer_wipe(offer *o) { OPENSSL_cleanse(o, sizeof *o); }
