/* The page's own static files, which the program carries: the build makes page_files.c of web/dist (cmake/embed_pages.cmake),
 * each file compressed. So the dashboard needs no file beside the program, and is always that of this version.
 *
 * Files under /assets/ have a hash of their contents in their name and may be kept for good; all others are asked for again
 * with their tag each time.
 * Threads: constants; page_answer: the loop's. */
#pragma once
#include "serve/http_answer.h"

typedef struct page {
    const char *path, *type;
    const char *etag; /* in quotes, as in the header */
    bool is_lasting;  /* under /assets/ */
    const unsigned char *gzip;
    size_t gzip_bytes, plain_bytes;
} page;

extern const page page_files[];
extern const size_t n_page_files;

/* NULL: there is no file at this path. "/" is the page itself. */
const page *page_find(const char *path);
/* To a GET or HEAD of `wsi`: 200, or 304 when its sender has this very file; plain to who does not take gzip. */
void page_answer(const page *p, struct lws *wsi, http_answer *a);
