/* See text.h. Blocks of 64 bytes to 64 KB, in powers of two; a thread keeps a few of each size, and larger ones not at all.
 *
 *   text_free ──► spare[size] of this thread: block ──► block ──► ...  ──► text_copy
 */
#include "script/text.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N_SIZES = 11, FIRST_BYTES = 64, SPARE_MAX = 8, TOO_LARGE = N_SIZES };

typedef struct block {
    struct block *next; /* while it is spare */
    size_t size;        /* index of its size; TOO_LARGE: is not kept */
    char text[];
} block;

typedef struct spares {
    block *first[N_SIZES];
    int n[N_SIZES];
} spares;

static pthread_key_t key;
static bool has_key; /* constant after make_key, as is key */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void spares_free(void *of_thread) {
    spares *s = of_thread;
    for (int i = 0; i < N_SIZES; i++)
        for (block *b = s->first[i], *next; b; b = next) {
            next = b->next;
            free(b);
        }
    free(s);
}

static void make_key(void) { has_key = pthread_key_create(&key, spares_free) == 0; }

/* NULL without memory: then nothing is kept. */
static spares *spares_of_thread(void) {
    spares *s;
    pthread_once(&key_once, make_key);
    if (!has_key) return NULL;
    s = pthread_getspecific(key);
    if (s) return s;
    s = calloc(1, sizeof *s);
    if (!s || pthread_setspecific(key, s) == 0) return s;
    free(s);
    return NULL;
}

static size_t size_for(size_t bytes) {
    size_t size = 0;
    while (size < TOO_LARGE && (size_t)FIRST_BYTES << size < bytes) size++;
    return size;
}

static block *take_block(size_t bytes) {
    size_t size = size_for(bytes);
    spares *s = size < TOO_LARGE ? spares_of_thread() : NULL;
    block *b = s ? s->first[size] : NULL;
    if (b) {
        s->first[size] = b->next;
        s->n[size]--;
        return b;
    }
    b = malloc(sizeof *b + (size < TOO_LARGE ? (size_t)FIRST_BYTES << size : bytes));
    if (b) b->size = size;
    return b;
}

char *text_copy(const char *text) {
    size_t bytes = strlen(text) + 1;
    block *b = take_block(bytes);
    return b ? memcpy(b->text, text, bytes) : NULL;
}

void text_free(char *text) {
    block *b = text ? (block *)(text - offsetof(block, text)) : NULL;
    spares *s = b && b->size < TOO_LARGE ? spares_of_thread() : NULL;
    if (!s || s->n[b->size] == SPARE_MAX) {
        free(b);
        return;
    }
    b->next = s->first[b->size];
    s->first[b->size] = b;
    s->n[b->size]++;
}
