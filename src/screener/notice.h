/* What people are told of, and its way to them: plain data, for whoever keeps, words and sends it.
 *
 * A notice says that something has happened to a signal; it is written in the transaction that makes it happen. A delivery is
 * what one service is sent because of it. Ids of deliveries: UUIDv5(SIGNAL_NAMESPACE, "notice|event|key|service"), so that a
 * receiver knows one that comes twice.
 * Ownership: the deinits free the texts. */
#pragma once
#include "base/errors.h"
#include "screener/analysis.h"
#include "screener/pass.h"

/* Also in lua/stdlib/notify.lua. */
typedef enum notice_event {
    NOTICE_SIGNAL,      /* of a bar's close */
    NOTICE_PROVISIONAL, /* of a forming bar */
    NOTICE_CONFIRMED,   /* its bar has closed, and it stands */
    NOTICE_WITHDRAWN,   /* its bar has closed without it */
    NOTICE_ANALYSIS,    /* a verdict on a signal */
    N_NOTICE_EVENTS
} notice_event;

typedef enum notice_service { NOTICE_WEBHOOK, NOTICE_TELEGRAM, NOTICE_DISCORD, N_NOTICE_SERVICES } notice_service;

typedef struct notice {
    int64_t n; /* its number in the local database */
    notice_event event;
    signal_row signal;
    candle bar;            /* of the signal; NaN where it is not known */
    analysis_row analysis; /* NOTICE_ANALYSIS; else zero */
} notice;

/* SENT: the service has said that it has it. REFUSED: that it never takes it. EXPIRED: it was too old when its turn came. LIMITED:
 * its trader had used up its hour. */
typedef enum delivery_state {
    DELIVERY_WAITING,
    DELIVERY_SENT,
    DELIVERY_REFUSED,
    DELIVERY_EXPIRED,
    DELIVERY_LIMITED,
    N_DELIVERY_STATES
} delivery_state;

typedef struct delivery {
    int64_t n; /* its number in the local database; 0: not there yet */
    char id[ID_BYTES];
    notice_service service;
    notice_event event;
    char signal_id[ID_BYTES], trader_id[ID_BYTES];
    int64_t close_ms;     /* end of the signal's bar, market time */
    int32_t n_tries;      /* so far */
    int32_t most_in_hour; /* of its trader and service; 0: no limit. When it is new only */
    delivery_state state;
    int64_t next_ms; /* wall clock: not before; 0: at once */
    char *body;
} delivery;

/* "signal", "provisional", "confirmed", "withdrawn", "analysis". */
const char *notice_event_name(notice_event event);
/* N_NOTICE_EVENTS: it is none. */
notice_event notice_event_parse(const char *name);
/* "webhook", "telegram", "discord". */
const char *notice_service_name(notice_service service);
/* N_NOTICE_SERVICES: it is none. */
notice_service notice_service_parse(const char *name);
/* "waiting", "sent", "refused", "expired", "limited". */
const char *delivery_state_name(delivery_state state);
/* `key`: the id of the signal, or of the analysis. */
void delivery_name(notice_event event, const char *key, notice_service service, char id[ID_BYTES]);
void notice_deinit(notice *n);
void delivery_deinit(delivery *d);
