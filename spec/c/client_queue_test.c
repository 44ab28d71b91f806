/* The queue of a client against a list that does the obvious, under random pushes and takes; and the budget at its edges. */
#include "base/clock.h"
#include "serve/client_queue.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

enum { STEPS = 200000, MODEL_MOST = 4096 };

typedef struct model {
    uint64_t seqs[MODEL_MOST];
    message_kind kinds[MODEL_MOST];
    uint32_t topics[MODEL_MOST];
    bool closed[MODEL_MOST];
    size_t bytes[MODEL_MOST];
    size_t n, n_bytes;
} model;

static uint32_t draw(uint32_t n) { return (uint32_t)below((int32_t)n); }

static message *make(message_kind kind, uint64_t seq, size_t text_bytes) {
    char *text = malloc(text_bytes + 1);
    memset(text, 'x', text_bytes);
    text[text_bytes] = 0;
    message *m = message_new_text(text);
    free(text);
    m->kind = kind;
    m->seq = seq;
    return m;
}

static void model_remove(model *l, size_t at) {
    l->n_bytes -= l->bytes[at];
    l->n--;
    memmove(&l->seqs[at], &l->seqs[at + 1], (l->n - at) * sizeof l->seqs[0]);
    memmove(&l->kinds[at], &l->kinds[at + 1], (l->n - at) * sizeof l->kinds[0]);
    memmove(&l->topics[at], &l->topics[at + 1], (l->n - at) * sizeof l->topics[0]);
    memmove(&l->closed[at], &l->closed[at + 1], (l->n - at) * sizeof l->closed[0]);
    memmove(&l->bytes[at], &l->bytes[at + 1], (l->n - at) * sizeof l->bytes[0]);
}

static bool model_fits(const model *l, const message *m, size_t share) {
    return l->n < CLIENT_QUEUE_MESSAGES / share && l->n_bytes + m->bytes <= CLIENT_QUEUE_BYTES / share;
}

static void model_add(model *l, const message *m) {
    l->seqs[l->n] = m->seq;
    l->kinds[l->n] = m->kind;
    l->topics[l->n] = m->topic;
    l->closed[l->n] = m->is_closed;
    l->bytes[l->n++] = m->bytes;
    l->n_bytes += m->bytes;
}

static err model_push(model *l, const message *m) {
    bool is_lossy = m->kind != MESSAGE_KEPT;
    for (size_t i = l->n; is_lossy && i-- > 0;)
        if (l->kinds[i] == m->kind && l->topics[i] == m->topic && !l->closed[i]) model_remove(l, i);
    if (is_lossy) {
        if (model_fits(l, m, CLIENT_QUEUE_LOSSY_SHARE)) model_add(l, m);
        return OK;
    }
    for (size_t i = l->n; !model_fits(l, m, 1) && i-- > 0;) {
        if (l->kinds[i] == MESSAGE_KEPT) continue;
        for (size_t k = l->n; k-- > 0;)
            if (l->kinds[k] != MESSAGE_KEPT) model_remove(l, k);
        break;
    }
    if (!model_fits(l, m, 1)) return ERR_FULL;
    model_add(l, m);
    return OK;
}

/* Fewer takes than pushes for a while, then the other way round: it is empty and full again and again. */
static void random_operations(void) {
    client_queue q;
    model *l = calloc(1, sizeof *l);
    size_t n_wrong = 0, n_full = 0, n_lossy = 0, n_empty = 0;
    client_queue_init(&q);
    for (uint64_t step = 1; step <= STEPS && !n_wrong; step++) {
        bool is_filling = step / 32768 % 2 == 0;
        if (draw(10) < (is_filling ? 9u : 2u)) {
            message *m = make((message_kind)draw(3), step, 10 + draw(draw(50) ? 200 : 20000));
            m->topic = m->kind == MESSAGE_KLINE ? draw(6) : 0;
            m->is_closed = m->kind == MESSAGE_KLINE && draw(4) == 0;
            n_lossy += m->kind != MESSAGE_KEPT;
            err e = client_queue_push(&q, m);
            n_full += e == ERR_FULL;
            n_wrong += e != model_push(l, m);
            message_release(m);
        } else {
            message *m = client_queue_take(&q);
            n_empty += !m;
            n_wrong += m ? l->n == 0 || m->seq != l->seqs[0] : l->n != 0;
            if (m) model_remove(l, 0);
            message_release(m);
        }
        n_wrong += q.count != l->n || q.bytes != l->n_bytes;
    }
    ok(n_wrong == 0, "the queue does what the list does over %d steps", STEPS);
    ok(n_full > 100 && n_empty > 100 && n_lossy > 1000, "it was full (%zu) and empty (%zu) often enough", n_full,
       n_empty);
    client_queue_deinit(&q);
    free(l);
}

static bool push_one(client_queue *q, message_kind kind, uint32_t topic, bool is_closed, uint64_t seq) {
    message *m = make(kind, seq, 100);
    m->topic = topic;
    m->is_closed = is_closed;
    bool is_pushed = client_queue_push(q, m) == OK;
    message_release(m);
    return is_pushed;
}

static uint64_t take_seq(client_queue *q) {
    message *m = client_queue_take(q);
    uint64_t seq = m ? m->seq : 0;
    message_release(m);
    return seq;
}

static void what_gives_way(void) {
    client_queue q;
    client_queue_init(&q);
    push_one(&q, MESSAGE_KLINE, 1, false, 1);
    push_one(&q, MESSAGE_KEPT, 0, false, 2);
    push_one(&q, MESSAGE_KLINE, 2, false, 3);
    push_one(&q, MESSAGE_KLINE, 1, true, 4);
    push_one(&q, MESSAGE_KLINE, 1, false, 5);
    push_one(&q, MESSAGE_METRICS, 0, false, 6);
    push_one(&q, MESSAGE_METRICS, 0, false, 7);
    ok(take_seq(&q) == 2 && take_seq(&q) == 3 && take_seq(&q) == 4 && take_seq(&q) == 5 && take_seq(&q) == 7 &&
           take_seq(&q) == 0,
       "of forming bars and metrics the newest is sent, every closed bar, and all in order");
    ok(q.n_dropped == 2, "what was replaced is counted");
    for (uint64_t i = 1; i <= CLIENT_QUEUE_MESSAGES / CLIENT_QUEUE_LOSSY_SHARE; i++)
        push_one(&q, MESSAGE_KLINE, (uint32_t)i, true, i);
    uint32_t n = q.count;
    push_one(&q, MESSAGE_METRICS, 0, false, 9000);
    ok(n == CLIENT_QUEUE_MESSAGES / CLIENT_QUEUE_LOSSY_SHARE && q.count == n,
       "what may be lost has a share of the room");
    uint64_t n_kept = 0;
    while (push_one(&q, MESSAGE_KEPT, 0, false, 10000 + n_kept)) n_kept++;
    ok(n_kept == CLIENT_QUEUE_MESSAGES && q.count == n_kept, "what must arrive takes its place, up to all of it");
    ok(take_seq(&q) == 10000, "and comes in order");
    client_queue_deinit(&q);
    ok(q.count == 0 && q.bytes == 0 && !q.items, "nothing is left");
}

static void references(void) {
    client_queue a, b;
    client_queue_init(&a);
    client_queue_init(&b);
    message *m = make(MESSAGE_KEPT, 1, 10);
    ok(client_queue_push(&a, m) == OK && client_queue_push(&b, m) == OK && m->n_references == 3,
       "two queues share one message");
    client_queue_deinit(&a);
    ok(m->n_references == 2 && client_queue_take(&b) == m && m->n_references == 2, "a taken one is the taker's");
    message_release(m);
    message_release(m);
    client_queue_deinit(&b);
}

int main(void) {
    random_state = tap_seed((uint64_t)monotonic_ns()) | 1;
    random_operations();
    what_gives_way();
    references();
    return done();
}
