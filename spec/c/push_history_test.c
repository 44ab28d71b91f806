/* What clients that come back are sent again: the history against a list, under random messages of any size. */
#include "base/clock.h"
#include "serve/push_history.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

enum { MESSAGES = 30000 };

static push_history history; /* too large for a stack */
static uint64_t seqs[MESSAGES];
static size_t bytes_of[MESSAGES];

static uint32_t draw(uint32_t n) { return (uint32_t)below((int32_t)n); }

static void add(uint64_t seq, size_t bytes) {
    char *text = malloc(bytes + 1);
    memset(text, 'x', bytes);
    text[bytes] = 0;
    message *m = message_new_text(text);
    m->seq = seq;
    push_history_add(&history, m);
    message_release(m);
    free(text);
}

/* Of the list, the first that is still there: the newest ones that are within both bounds. */
static size_t first_kept(size_t n) {
    size_t at = n, bytes = 0;
    while (at > 0 && n - at < PUSH_HISTORY_MESSAGES && bytes + bytes_of[at - 1] <= PUSH_HISTORY_BYTES)
        bytes += bytes_of[--at];
    return at;
}

static bool is_right(size_t n, uint64_t asked) {
    size_t from = first_kept(n), at = from;
    while (at < n && seqs[at] <= asked) at++;
    const message *m = push_history_after(&history, asked);
    bool reaches = from == 0 || asked >= seqs[from - 1];
    return push_history_reaches(&history, asked) == reaches && (at < n ? m && m->seq == seqs[at] : !m);
}

int main(void) {
    uint64_t seq = 0;
    size_t n_wrong = 0, n_gone = 0;
    random_state = tap_seed((uint64_t)monotonic_ns()) | 1;
    push_history_init(&history);
    ok(push_history_reaches(&history, 0) && !push_history_after(&history, 0), "nothing was pushed, nothing is missing");
    for (size_t n = 0; n < MESSAGES; n++) {
        seq += 1 + draw(3); /* others take numbers, too */
        seqs[n] = seq;
        bytes_of[n] = 10 + draw(n / 3000 % 2 ? 4000 : 300);
        add(seq, bytes_of[n]);
        n_wrong += !is_right(n + 1, draw((uint32_t)seq + 3));
        n_wrong += !is_right(n + 1, seq) + !is_right(n + 1, seq - 1);
        n_gone += first_kept(n + 1) > 0;
        n_wrong += history.bytes > PUSH_HISTORY_BYTES || history.count > PUSH_HISTORY_MESSAGES;
    }
    ok(n_wrong == 0, "whatever is asked for, it has what the list has, and says what has gone");
    ok(n_gone > 1000, "some had gone (%zu)", n_gone);
    push_history_lose(&history, seq + 1);
    ok(!push_history_reaches(&history, seq) && push_history_reaches(&history, seq + 1) && history.count == 0,
       "a message that could not be written is missing");
    push_history_deinit(&history);
    return done();
}
