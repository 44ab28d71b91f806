#include "sim/trouble.h"
#include "base/clock.h"
#include "market/interval.h"
#include "sim/malformed.h"
#include <string.h>

static bool listens_to(const connection *c, uint32_t symbol) {
    for (size_t i = 0; i < c->session.count; i++) {
        const stream *s = &c->session.entries[i].stream;
        if (s->kind != STREAM_SILENT && s->kind != STREAM_ALL_MINI && s->kind != STREAM_ALL_TICKER &&
            s->symbol == symbol)
            return true;
    }
    return false;
}

/* Those of its host that are open; of a symbol, those that listen to it. */
static bool may_meet(const connection *c, const fault *f) {
    bool is_host = f->what.host == 0 || f->what.host == c->host;
    return is_host && !c->is_closing && c->dead_until_ms == INT64_MIN && (!f->has_symbol || listens_to(c, f->symbol));
}

static void send_shutdown(connection *c, int64_t now_ms, writer *scratch) {
    writer_clear(scratch);
    if (c->session.is_combined) writer_add(scratch, "{\"stream\":\"!serverShutdown\",\"data\":");
    writer_add_format(scratch, "{\"e\":\"serverShutdown\",\"E\":%lld}", (long long)now_ms);
    if (c->session.is_combined) writer_add(scratch, "}");
    connection_send(c, scratch, false);
}

/* About a symbol that it listens to, so that the frame is read as if it were one of those. */
static void send_malformed(connection *c, const source *from, const fault *f, writer *scratch) {
    int kind = f->what.malformed;
    uint32_t symbol = f->has_symbol ? f->symbol : 0;
    bool is_binary;
    for (size_t i = 0; !f->has_symbol && i < c->session.count; i++)
        if (c->session.entries[i].stream.kind == STREAM_KLINE) symbol = c->session.entries[i].stream.symbol;
    const source_symbol *info = source_at(from, symbol);
    malformed_frame(scratch, kind >= 0 ? kind : (int)(f->draw / 7 % N_SCENE_MALFORMED), info->info.name, info->stream,
                    interval_floor(INTERVAL_1M, f->at_ms), c->session.is_combined, &is_binary);
    connection_send(c, scratch, is_binary);
}

static void vanish(connection *c, int64_t until_ms) {
    c->dead_until_ms = until_ms;
    c->tail = c->head = 0;
    c->ping[0] = '\0';
    c->wants_ping = false;
    lws_rx_flow_control(c->wsi, 0);
}

static void meet(connection *c, const source *from, const fault *f, writer *scratch) {
    switch (f->what.kind) {
    case SCENE_DROP: connection_cut(c); break;
    case SCENE_SILENCE:
        c->silent_until_ms = f->until_ms;
        c->tail = c->head = 0;
        c->ping[0] = '\0';
        c->wants_ping = false;
        break;
    case SCENE_HALF_OPEN: vanish(c, f->until_ms); break;
    case SCENE_SHUTDOWN:
        send_shutdown(c, f->at_ms, scratch);
        c->close_at_ms = f->until_ms;
        break;
    case SCENE_MALFORMED: send_malformed(c, from, f, scratch); break;
    default: break;
    }
}

static bool is_of_connections(scene_kind kind) {
    return kind == SCENE_DROP || kind == SCENE_SILENCE || kind == SCENE_HALF_OPEN || kind == SCENE_SHUTDOWN ||
           kind == SCENE_MALFORMED;
}

size_t trouble_begin(connection_list *list, const source *from, const fault *f, writer *scratch) {
    size_t count = 0, chosen = SIZE_MAX;
    if (!is_of_connections(f->what.kind)) return 0;
    for (connection *c = list->first; c; c = c->next) count += may_meet(c, f);
    if (f->what.target == TARGET_RANDOM && count > 0) chosen = f->draw % count;
    size_t n = 0, n_met = 0;
    for (connection *c = list->first, *next; c; c = next) {
        next = c->next;
        if (!may_meet(c, f)) continue;
        if (chosen == SIZE_MAX || n == chosen) {
            meet(c, from, f, scratch);
            n_met++;
        }
        n++;
    }
    return n_met;
}

static void speak_again(connection *c) {
    c->silent_until_ms = INT64_MIN;
    c->pinged_ms = monotonic_ms();
}

/* When a connection is cut off. */
static int64_t end_ms(const connection *c, int64_t lifetime_ms) {
    int64_t old_ms = lifetime_ms > 0 ? c->opened_ms + lifetime_ms : INT64_MAX;
    if (c->dead_until_ms > INT64_MIN) return c->dead_until_ms;
    return old_ms < c->close_at_ms ? old_ms : c->close_at_ms;
}

int64_t trouble_next_ms(const connection_list *list, int64_t lifetime_ms) {
    int64_t next_ms = INT64_MAX;
    for (const connection *c = list->first; c; c = c->next)
        if (!c->is_closing && end_ms(c, lifetime_ms) < next_ms) next_ms = end_ms(c, lifetime_ms);
    return next_ms;
}

size_t trouble_pass(connection_list *list, int64_t now_ms, int64_t lifetime_ms) {
    size_t n_cut = 0;
    for (connection *c = list->first, *next; c; c = next) {
        next = c->next;
        if (c->is_closing) continue;
        if (end_ms(c, lifetime_ms) <= now_ms) {
            connection_cut(c);
            n_cut++;
        } else if (c->silent_until_ms > INT64_MIN && c->silent_until_ms <= now_ms)
            speak_again(c);
    }
    return n_cut;
}

/* Only what has no end of its own, or is cleared before it: the others' times say when they are over. */
void trouble_end(connection_list *list, const fault *f) {
    for (connection *c = list->first; c; c = c->next) {
        if (f->what.kind == SCENE_SILENCE && c->silent_until_ms == f->until_ms) speak_again(c);
        if (f->what.kind == SCENE_HALF_OPEN && c->dead_until_ms == f->until_ms) connection_cut(c);
        if (f->what.kind == SCENE_SHUTDOWN && c->close_at_ms == f->until_ms) connection_cut(c);
    }
}
