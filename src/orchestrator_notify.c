/* Two loops of questions to storage: one words notices, and one for each service fetches what is due. Each asks again only when the
 * one before is through, so that nothing is read that is about to be written. */
#include "orchestrator_notify.h"
#include "base/log.h"
#include "notify/message.h"
#include "notify/signature.h"
#include "script/template.h"
#include "sync/notice_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDED_AT_ONCE = 64, SENT_AT_ONCE = 32, PRUNE_EVERY_MS = 3600000, LONGEST_WAIT_MS = 600000 };

static const int64_t MINUTE_MS = 60000;

/* Notices that are being worded; its job. */
typedef struct wording {
    orchestrator_notify *owner;
    notice_list from;
    delivery_list to;
} wording;

/* What is due for a service; its job. */
typedef struct fetch {
    orchestrator_notify *owner;
    notice_service service;
    delivery_list due;
    int64_t next_ms;
    delivery_counts counts;
} fetch;

/* What has become of a delivery, on its way to storage. */
typedef struct note {
    struct note *next;
    orchestrator_notify *owner;
    delivery delivery; /* without its body */
    bool has_reason;
    char reason[SERVICE_WHY_BYTES];
} note;

typedef struct post {
    orchestrator_notify *owner;
    notice_service service;
    lane *lane; /* NULL: not set up */
    bool is_fetching, is_sending, is_wanted;
    size_t n_notes; /* not written yet */
    uv_timer_t timer;
} post;

struct orchestrator_notify {
    orchestrator_notify_config config;
    http_client *client;
    post posts[N_NOTICE_SERVICES];
    uv_timer_t prune_timer;
    note *first, **end; /* not taken by storage yet */
    uint32_t available; /* bit per service */
    size_t n_under_way, n_handles;
    bool is_started, is_wording, has_news, is_stopped, is_closed;
    delivery_counts counts;
    log_repeater lost;
};

static void word(orchestrator_notify *n);
static void pull(post *p);
static void on_done(void *context, const delivery *d, const char *why);
static void on_empty(void *context, notice_service which);

/* ---- set up ---- */

static bool is_set(const char *text) { return text && *text; }

bool orchestrator_notify_is_on(const config *cfg) {
    return is_set(cfg->notify_webhook_url) || is_set(cfg->notify_telegram_token) || is_set(cfg->notify_discord_url);
}

static err check(const config *cfg, diag *why) {
    char found[256];
    if (is_set(cfg->notify_telegram_token) && !is_set(cfg->notify_telegram_chat))
        return diag_set(why, ERR_INVALID,
                        "NOTIFY_TELEGRAM_CHAT is not set; expected the chat that the bot of "
                        "NOTIFY_TELEGRAM_TOKEN is to write to");
    if (is_set(cfg->notify_webhook_secret) && !signature_is_secret(cfg->notify_webhook_secret))
        return diag_set(why, ERR_INVALID,
                        "NOTIFY_WEBHOOK_SECRET is no secret; expected whsec_ and a key of %d to %d bytes in Base64: "
                        "echo whsec_$(openssl rand -base64 32)",
                        SIGNATURE_KEY_MIN, SIGNATURE_KEY_MAX);
    if (is_set(cfg->notify_message) &&
        template_check(cfg->notify_message, strlen(cfg->notify_message), found, sizeof found) != 0)
        return diag_set(why, ERR_INVALID, "NOTIFY_MESSAGE: %s", found);
    return OK;
}

static service_options options_of(const config *cfg, notice_service which) {
    switch (which) {
    case NOTICE_TELEGRAM:
        return (service_options){
            .url = cfg->notify_telegram_url, .secret = cfg->notify_telegram_token, .chat = cfg->notify_telegram_chat};
    case NOTICE_DISCORD: return (service_options){.url = cfg->notify_discord_url, .secret = "", .chat = ""};
    default:
        return (service_options){.url = cfg->notify_webhook_url,
                                 .secret = cfg->notify_webhook_secret ? cfg->notify_webhook_secret : "",
                                 .chat = "",
                                 .is_text_only = cfg->notify_webhook_body == NOTIFY_BODY_TEXT};
    }
}

static bool is_set_up(const config *cfg, notice_service which) {
    const char *const needed[] = {[NOTICE_WEBHOOK] = cfg->notify_webhook_url,
                                  [NOTICE_TELEGRAM] = cfg->notify_telegram_token,
                                  [NOTICE_DISCORD] = cfg->notify_discord_url};
    return is_set(needed[which]);
}

static void on_fetch_timer(uv_timer_t *timer) { pull(timer->data); }

static err open_post(orchestrator_notify *n, notice_service which) {
    const config *cfg = n->config.cfg;
    const int64_t rates[] = {[NOTICE_WEBHOOK] = cfg->notify_webhook_per_minute,
                             [NOTICE_TELEGRAM] = cfg->notify_telegram_per_minute,
                             [NOTICE_DISCORD] = cfg->notify_discord_per_minute};
    post *p = &n->posts[which];
    lane_config lc = {.loop = n->config.loop,
                      .client = n->client,
                      .clock = n->config.clock,
                      .service = which,
                      .options = options_of(cfg, which),
                      .per_minute = rates[which],
                      .max_age_ms = cfg->notify_max_age_min * MINUTE_MS,
                      .seed = (uint64_t)monotonic_ns() + (uint64_t)which,
                      .on_done = on_done,
                      .on_empty = on_empty,
                      .context = n};
    *p = (post){.owner = n, .service = which};
    uv_timer_init(n->config.loop, &p->timer);
    p->timer.data = p;
    n->n_handles++;
    if (!is_set_up(cfg, which)) return OK;
    n->available |= 1u << which;
    log_info("notify", "signals go to %s", notice_service_name(which));
    return lane_new(&lc, &p->lane);
}

/* ---- rows to storage ---- */

static void release(orchestrator_notify *n) {
    if (!n->is_closed || n->n_handles || n->n_under_way) return;
    for (note *k = n->first, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    free(n);
}

static err do_note(local_db *db, void *job, diag *why) {
    const note *k = job;
    return delivery_table_note(db, &k->delivery, k->has_reason ? k->reason : NULL, wall_ms(), why);
}

static void on_noted(void *job, err error, const char *why) {
    note *k = job;
    orchestrator_notify *n = k->owner;
    post *p = &n->posts[k->delivery.service];
    n->n_under_way--;
    p->n_notes--;
    if (error && error != ERR_CANCELLED)
        log_repeat(&n->lost, LOG_ERROR, "notify", "what has become of a notification is not kept: %s", why);
    free(k);
    if (!n->is_stopped && p->is_wanted) pull(p);
    release(n);
}

void orchestrator_notify_flush(orchestrator_notify *n) {
    note *k;
    while (n && (k = n->first) && storage_write(n->config.storage, do_note, on_noted, k) == OK) {
        n->first = k->next;
        if (!n->first) n->end = &n->first;
        n->n_under_way++;
    }
    if (n && n->has_news) word(n);
}

static void on_done(void *context, const delivery *d, const char *why) {
    orchestrator_notify *n = context;
    note *k = calloc(1, sizeof *k);
    if (!k) {
        log_repeat(&n->lost, LOG_ERROR, "notify", "out of memory: a notification may be sent twice");
        return;
    }
    k->owner = n;
    k->delivery = *d;
    k->delivery.body = NULL;
    k->has_reason = why != NULL;
    snprintf(k->reason, sizeof k->reason, "%s", why ? why : "");
    *n->end = k;
    n->end = &k->next;
    n->posts[d->service].n_notes++;
    orchestrator_notify_flush(n);
}

static void on_empty(void *context, notice_service which) {
    post *p = &((orchestrator_notify *)context)->posts[which];
    p->is_sending = false;
    pull(p);
}

/* ---- what is due ---- */

static err do_fetch(local_db *db, void *job, diag *why) {
    fetch *f = job;
    err e = delivery_table_read(db, f->service, SENT_AT_ONCE, wall_ms(), &f->due, &f->next_ms, why);
    return e == OK ? delivery_table_count(db, &f->counts, why) : e;
}

static void give(post *p, fetch *f) {
    p->owner->counts = f->counts;
    if (f->due.count) {
        p->is_sending = true;
        lane_give(p->lane, f->due.items, f->due.count);
        f->due = (delivery_list){0};
    } else if (f->next_ms) {
        int64_t wait_ms = f->next_ms - wall_ms();
        wait_ms = wait_ms < 1 ? 1 : wait_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait_ms;
        uv_timer_start(&p->timer, on_fetch_timer, (uint64_t)wait_ms, 0);
    }
}

static void on_fetched(void *job, err error, const char *why) {
    fetch *f = job;
    orchestrator_notify *n = f->owner;
    post *p = &n->posts[f->service];
    n->n_under_way--;
    p->is_fetching = false;
    if (error && error != ERR_CANCELLED)
        log_repeat(&n->lost, LOG_ERROR, "notify", "notifications cannot be read: %s", why);
    if (!n->is_stopped) {
        if (!error) give(p, f);
        if (error) uv_timer_start(&p->timer, on_fetch_timer, (uint64_t)MINUTE_MS, 0);
        if (p->is_wanted) pull(p);
    }
    delivery_list_deinit(&f->due);
    free(f);
    release(n);
}

/* Not while anything is being sent or noted: it would be read again. */
static void pull(post *p) {
    orchestrator_notify *n = p->owner;
    p->is_wanted = true;
    if (!p->lane || n->is_stopped || !n->is_started || p->is_fetching || p->is_sending || p->n_notes) return;
    fetch *f = calloc(1, sizeof *f);
    if (f) *f = (fetch){.owner = n, .service = p->service};
    if (!f || storage_read(n->config.storage, do_fetch, on_fetched, f) != OK) {
        free(f);
        uv_timer_start(&p->timer, on_fetch_timer, 1000, 0);
        return;
    }
    p->is_wanted = false;
    p->is_fetching = true;
    n->n_under_way++;
}

/* ---- notices in words ---- */

static err do_read(local_db *db, void *job, diag *why) {
    return notice_table_read(db, WORDED_AT_ONCE, &((wording *)job)->from, why);
}

static err do_expand(local_db *db, void *job, diag *why) {
    const wording *w = job;
    return notice_table_expand(db, &w->from, &w->to, wall_ms(), why);
}

static void free_wording(wording *w) {
    notice_list_deinit(&w->from);
    delivery_list_deinit(&w->to);
    free(w);
}

static const char *template_of(const orchestrator_notify *n, const notice_rule *rule, notice_event event) {
    bool is_news = event == NOTICE_SIGNAL || event == NOTICE_PROVISIONAL || event == NOTICE_CONFIRMED;
    if (rule->messages[event]) return rule->messages[event];
    return is_news && is_set(n->config.cfg->notify_message) ? n->config.cfg->notify_message : message_default(event);
}

static err add_delivery(const orchestrator_notify *n, const notice *of, const notice_rule *rule, notice_service which,
                        const char *message, delivery_list *to) {
    service_options options = options_of(n->config.cfg, which);
    delivery *d = &to->items[to->count];
    *d = (delivery){
        .service = which, .event = of->event, .close_ms = of->signal.close_ms, .most_in_hour = rule->most_in_hour};
    delivery_name(of->event, of->event == NOTICE_ANALYSIS ? of->analysis.id : of->signal.id, which, d->id);
    snprintf(d->signal_id, sizeof d->signal_id, "%s", of->signal.id);
    snprintf(d->trader_id, sizeof d->trader_id, "%s", of->signal.trader_id);
    err e = service_word(which, &options, of, d->id, message, &d->body);
    to->count += e == OK;
    return e;
}

static err add_deliveries(const orchestrator_notify *n, const notice *of, delivery_list *to) {
    const orchestrator_notify_config *c = &n->config;
    message_context context = {.market = c->market, .base = "", .quote = "", .now_ms = wall_ms()};
    notice_rule rule;
    char *message = NULL;
    uint32_t symbol;
    if (!*of->signal.id) return OK;
    err e = notice_rule_read(c->rules_of(c->context, of->signal.trader_id),
                             c->cfg->notify_signals == NOTIFY_SIGNALS_ASKED, &rule);
    if (e != OK) return e;
    c->silence(c->context, of->signal.trader_id, &rule);
    uint32_t services = notice_rule_services(&rule, of, n->available);
    if (symbol_table_find(c->symbols, of->signal.symbol, strlen(of->signal.symbol), &symbol) == OK) {
        context.base = symbol_table_get(c->symbols, symbol)->base;
        context.quote = symbol_table_get(c->symbols, symbol)->quote;
    }
    if (services) e = message_write(template_of(n, &rule, of->event), of, &context, &message);
    for (notice_service s = 0; e == OK && s < N_NOTICE_SERVICES; s++)
        if (services >> s & 1) e = add_delivery(n, of, &rule, s, message, to);
    free(message);
    notice_rule_deinit(&rule);
    return e;
}

/* One that cannot be worded for another reason than memory never will be; it goes, and the others do not wait for it. */
static err word_all(const orchestrator_notify *n, wording *w) {
    w->to.items = calloc(w->from.count * N_NOTICE_SERVICES, sizeof *w->to.items);
    if (!w->to.items) return ERR_NO_MEMORY;
    for (size_t i = 0; i < w->from.count; i++) {
        err e = add_deliveries(n, &w->from.items[i], &w->to);
        if (e == ERR_NO_MEMORY) return e;
        if (e != OK)
            log_error("notify", "nobody is told of a signal of %s on %s: its message: %s",
                      w->from.items[i].signal.trader, w->from.items[i].signal.symbol, error_text(e));
    }
    return OK;
}

static void on_expanded(void *job, err error, const char *why) {
    wording *w = job;
    orchestrator_notify *n = w->owner;
    n->n_under_way--;
    n->is_wording = false;
    if (error && error != ERR_CANCELLED)
        log_repeat(&n->lost, LOG_ERROR, "notify", "notifications cannot be kept: %s", why);
    if (!n->is_stopped && !error) {
        for (size_t i = 0; i < w->to.count; i++) n->posts[w->to.items[i].service].is_wanted = true;
        for (int s = 0; s < N_NOTICE_SERVICES; s++)
            if (n->posts[s].is_wanted) pull(&n->posts[s]);
        n->has_news = n->has_news || w->from.count == WORDED_AT_ONCE;
        if (n->has_news) word(n);
    }
    free_wording(w);
    release(n);
}

/* Tried again at the next flush. */
static void give_up(wording *w) {
    w->owner->is_wording = false;
    w->owner->has_news = true;
    free_wording(w);
}

static void on_read(void *job, err error, const char *why) {
    wording *w = job;
    orchestrator_notify *n = w->owner;
    n->n_under_way--;
    if (error && error != ERR_CANCELLED) log_repeat(&n->lost, LOG_ERROR, "notify", "notices cannot be read: %s", why);
    if (n->is_stopped || error) {
        give_up(w);
    } else if (w->from.count == 0) {
        n->is_wording = false;
        free_wording(w);
        if (n->has_news) word(n);
    } else if (word_all(n, w) == OK && storage_write(n->config.storage, do_expand, on_expanded, w) == OK) {
        n->n_under_way++;
    } else {
        give_up(w);
    }
    release(n);
}

static void word(orchestrator_notify *n) {
    if (!n->is_started || n->is_stopped || n->is_wording) return;
    wording *w = calloc(1, sizeof *w);
    if (w) w->owner = n;
    if (!w || storage_read(n->config.storage, do_read, on_read, w) != OK) {
        free(w);
        return;
    }
    n->has_news = false;
    n->is_wording = true;
    n->n_under_way++;
}

/* ---- its life ---- */

static err do_prune(local_db *db, void *job, diag *why) {
    (void)job;
    return delivery_table_prune(db, wall_ms(), why);
}

static void on_pruned(void *job, err error, const char *why) {
    orchestrator_notify *n = job;
    n->n_under_way--;
    if (error && error != ERR_CANCELLED)
        log_repeat(&n->lost, LOG_WARN, "notify", "old notifications are not forgotten: %s", why);
    release(n);
}

static void on_prune(uv_timer_t *timer) {
    orchestrator_notify *n = timer->data;
    if (storage_write(n->config.storage, do_prune, on_pruned, n) == OK) n->n_under_way++;
}

err orchestrator_notify_new(const orchestrator_notify_config *options, orchestrator_notify **out, diag *why) {
    orchestrator_notify *n;
    *out = NULL;
    err e = check(options->cfg, why);
    if (e != OK || !orchestrator_notify_is_on(options->cfg)) return e;
    n = calloc(1, sizeof *n);
    if (!n || http_client_new(options->loop, "trademind/" TRADEMIND_VERSION, &n->client) != OK) {
        free(n);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    n->config = *options;
    n->end = &n->first;
    n->n_handles = 2; /* the client, the timer for pruning */
    uv_timer_init(options->loop, &n->prune_timer);
    n->prune_timer.data = n;
    *out = n;
    for (notice_service s = 0; e == OK && s < N_NOTICE_SERVICES; s++) e = open_post(n, s);
    return e == OK ? OK : diag_set(why, e, "out of memory");
}

void orchestrator_notify_start(orchestrator_notify *n) {
    if (!n || n->is_started || n->is_stopped) return;
    n->is_started = true;
    uv_timer_start(&n->prune_timer, on_prune, 0, PRUNE_EVERY_MS);
    word(n);
    for (int s = 0; s < N_NOTICE_SERVICES; s++) pull(&n->posts[s]);
}

void orchestrator_notify_poke(orchestrator_notify *n) {
    if (!n) return;
    n->has_news = true;
    word(n);
}

health_state orchestrator_notify_health(const orchestrator_notify *n) {
    lane_stats stats;
    for (int s = 0; n && s < N_NOTICE_SERVICES; s++) {
        if (!n->posts[s].lane || n->is_stopped) continue;
        lane_get_stats(n->posts[s].lane, &stats);
        if (stats.is_failing) return HEALTH_DEGRADED;
    }
    return HEALTH_OK;
}

void orchestrator_notify_write(const orchestrator_notify *n, json_writer *w) {
    if (!n || n->is_stopped) {
        json_write_null(w);
        return;
    }
    json_write_object(w);
    for (int s = 0; s < N_NOTICE_SERVICES; s++) {
        lane_stats stats;
        if (!n->posts[s].lane) continue;
        lane_get_stats(n->posts[s].lane, &stats);
        json_write_key(w, notice_service_name((notice_service)s));
        json_write_object(w);
        json_put_bool(w, "working", !stats.is_failing);
        json_put_text(w, "why", stats.why);
        json_put_integer(w, "waiting", (int64_t)n->counts.n_waiting[s]);
        json_put_integer(w, "sent", (int64_t)stats.n_sent);
        json_put_integer(w, "failed", (int64_t)stats.n_failed);
        json_put_integer(w, "refused", (int64_t)stats.n_refused);
        json_put_integer(w, "expired", (int64_t)stats.n_expired);
        json_put_integer(w, "lastSent", stats.last_sent_ms);
        json_write_object_end(w);
    }
    json_write_object_end(w);
}

void orchestrator_notify_write_metrics(const orchestrator_notify *n, metrics_text *m) {
    if (!n || n->is_stopped) return;
    metrics_text_family(m, "trademind_notifications_total", METRICS_COUNTER,
                        "Notifications by what has become of them; failed: tries.");
    for (int s = 0; s < N_NOTICE_SERVICES; s++) {
        lane_stats stats;
        if (!n->posts[s].lane) continue;
        lane_get_stats(n->posts[s].lane, &stats);
        const struct {
            const char *outcome;
            uint64_t n;
        } counts[] = {{"sent", stats.n_sent},
                      {"failed", stats.n_failed},
                      {"refused", stats.n_refused},
                      {"expired", stats.n_expired}};
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            metrics_label labels[] = {{"service", notice_service_name((notice_service)s)},
                                      {"outcome", counts[i].outcome}};
            metrics_text_sample(m, labels, 2, (double)counts[i].n);
        }
    }
    metrics_text_family(m, "trademind_notifications_waiting", METRICS_GAUGE, "Notifications that wait.");
    for (int s = 0; s < N_NOTICE_SERVICES; s++)
        if (n->posts[s].lane)
            metrics_text_sample(m, &(metrics_label){"service", notice_service_name((notice_service)s)}, 1,
                                (double)n->counts.n_waiting[s]);
}

/* ---- the end ---- */

static void on_client_closed(void *context) {
    orchestrator_notify *n = context;
    n->n_handles--;
    release(n);
}

static void on_prune_closed(uv_handle_t *handle) { on_client_closed(handle->data); }
static void on_post_closed(uv_handle_t *handle) { on_client_closed(((post *)handle->data)->owner); }

void orchestrator_notify_stop(orchestrator_notify *n) {
    if (!n || n->is_stopped) return;
    orchestrator_notify_flush(n);
    n->is_stopped = true;
    for (int s = 0; s < N_NOTICE_SERVICES; s++) {
        post *p = &n->posts[s];
        lane_close(p->lane);
        p->lane = NULL;
        if (p->owner) uv_close((uv_handle_t *)&p->timer, on_post_closed);
    }
    uv_close((uv_handle_t *)&n->prune_timer, on_prune_closed);
    http_client_close(n->client, on_client_closed, n);
}

void orchestrator_notify_close(orchestrator_notify *n) {
    if (!n) return;
    n->is_closed = true;
    release(n);
}
