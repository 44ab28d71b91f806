#include "serve/pages.h"
#include "base/errors.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER_BYTES = 512, GZIP_WINDOW = 15 + 16 /* zlib: with gzip's head and tail */ };

const page *page_find(const char *path) {
    if (strcmp(path, "/") == 0) path = "/index.html";
    for (size_t i = 0; i < n_page_files; i++)
        if (strcmp(page_files[i].path, path) == 0) return &page_files[i];
    return NULL;
}

/* A header that is not there, or does not fit, names nothing. */
static bool header_names(struct lws *wsi, enum lws_token_indexes header, const char *what) {
    char value[HEADER_BYTES];
    return lws_hdr_copy(wsi, value, sizeof value, header) > 0 && strstr(value, what);
}

static bool takes_gzip(struct lws *wsi) {
    return header_names(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, "gzip") &&
           !header_names(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, "gzip;q=0");
}

/* NULL: without memory. */
static char *inflated(const page *p) {
    z_stream stream = {.next_in = (unsigned char *)p->gzip, .avail_in = (uInt)p->gzip_bytes};
    char *text = malloc(p->plain_bytes + 1);
    if (!text || inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        free(text);
        return NULL;
    }
    stream.next_out = (unsigned char *)text;
    stream.avail_out = (uInt)p->plain_bytes;
    int code = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (code == Z_STREAM_END && stream.avail_out == 0) return text;
    free(text);
    return NULL;
}

static char *copied(const page *p) {
    char *bytes = malloc(p->gzip_bytes);
    if (bytes) memcpy(bytes, p->gzip, p->gzip_bytes);
    return bytes;
}

void page_answer(const page *p, struct lws *wsi, http_answer *a) {
    *a = (http_answer){.status = 200, .type = p->type, .page = p};
    a->cache = p->is_lasting ? "public, max-age=31536000, immutable" : "no-cache";
    if (header_names(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, p->etag)) {
        a->status = 304;
        return;
    }
    bool is_gzip = takes_gzip(wsi);
    a->is_gzip = is_gzip;
    a->body = is_gzip ? copied(p) : inflated(p);
    a->body_bytes = is_gzip ? p->gzip_bytes : p->plain_bytes;
    if (a->body) return;
    http_answer_problem(a, 503, "%s", error_text(ERR_NO_MEMORY));
}
