#include "screener/looks.h"
#include <stdlib.h>

void looks_copy(worker *w, control *c) {
    const tracked *t = c->symbol < SYMBOL_MAX ? w->symbols[c->symbol] : NULL;
    note n = {.kind = NOTE_EXCERPT, .worker = w->index, .symbol = c->symbol, .excerpt = c->excerpt};
    c->excerpt = NULL;
    if (t) excerpt_fill(n.excerpt, t->frames);
    if (!worker_send(w, &n)) excerpt_free(n.excerpt);
}

/* The copies of references are the same with every worker: the first tells of them. */
void looks_quote(worker *w) {
    note n = {.kind = NOTE_QUOTES, .worker = w->index};
    uint32_t n_copies = w->index == 0 ? w->n_copies : 0;
    n.quotes = malloc(sizeof *n.quotes + (w->n_ids + n_copies) * sizeof(quote));
    if (n.quotes) n.quotes->count = w->n_ids + n_copies;
    for (uint32_t k = 0; n.quotes && k < n.quotes->count; k++) {
        uint32_t id = k < w->n_ids ? w->ids[k] : w->copies[k - w->n_ids];
        n.quotes->items[k] = quote_of(id, w->symbols[id]->frames);
    }
    if (!worker_send(w, &n)) free(n.quotes);
}
