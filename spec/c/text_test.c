/* Texts of results: copies, whose memory is used again by the thread that has freed them. */
#include "script/text.h"
#include "spec/c/tap.h"
#include <pthread.h>
#include <string.h>

enum { LONGEST = 200000, ROUNDS = 2000, HELD = 40 };

static char *filled(size_t length, char with) {
    char *text = malloc(length + 1);
    if (!text) abort();
    memset(text, with, length);
    text[length] = 0;
    return text;
}

static void test_copies(void) {
    static const size_t lengths[] = {0, 1, 62, 63, 64, 127, 128, 65534, 65535, 65536, LONGEST};
    int n_wrong = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int again = 0; again < 3; again++) {
            char *text = filled(lengths[i], (char)('a' + again)), *copy = text_copy(text);
            n_wrong += !copy || copy == text || strcmp(copy, text) != 0;
            free(text);
            text_free(copy);
        }
    ok(n_wrong == 0, "copies of all lengths are what they are copies of");
    text_free(NULL);
}

static void test_reuse(void) {
    char *first = text_copy("a text"), *was = first, *second;
    text_free(first);
    second = text_copy("another text of that size");
    ok(second == was, "what was freed is used again");
    text_free(second);
}

/* Many at once, freed in any order: none is written over while it is held. */
static void test_many(void) {
    static char *held[HELD];
    static size_t length[HELD];
    uint64_t random = tap_seed(20240607) | 1;
    int n_wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int k;
        char *text;
        random = random * 6364136223846793005u + 1442695040888963407u;
        k = (int)(random >> 40) % HELD;
        for (size_t at = 0; held[k] && at < length[k]; at++) n_wrong += held[k][at] != (char)('0' + k);
        text_free(held[k]);
        length[k] = (size_t)(random >> 33) % (i % 50 ? 300 : 100000);
        text = filled(length[k], (char)('0' + k));
        held[k] = text_copy(text);
        free(text);
    }
    for (int k = 0; k < HELD; k++) text_free(held[k]);
    ok(n_wrong == 0, "texts that are held stay what they are");
}

static void *make_texts(void *out) {
    char **texts = out;
    for (int k = 0; k < HELD; k++) texts[k] = text_copy("made elsewhere");
    text_free(text_copy("kept by a thread that ends"));
    return NULL;
}

static void test_threads(void) {
    char *texts[HELD];
    pthread_t thread;
    int n_wrong = 0;
    if (pthread_create(&thread, NULL, make_texts, texts) != 0) abort();
    pthread_join(thread, NULL);
    for (int k = 0; k < HELD; k++) {
        n_wrong += strcmp(texts[k], "made elsewhere") != 0;
        text_free(texts[k]);
    }
    ok(n_wrong == 0, "texts outlive the thread that made them, and any thread frees them");
}

int main(void) {
    test_copies();
    test_reuse();
    test_many();
    test_threads();
    return done();
}
