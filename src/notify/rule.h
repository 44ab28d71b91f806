/* Rules of notifications: of which events who hears, and in which words. A trader's own come from its field `notify`, checked by
 * lua/stdlib/notify.lua; what it leaves open stands at the defaults.
 * Pure. Ownership: notice_rule_deinit frees the texts. */
#pragma once
#include "screener/notice.h"

typedef struct notice_rule {
    uint32_t services, events;       /* bit per notice_service, notice_event */
    double min_score;                /* of the signal; NaN: any, also none */
    int32_t most_in_hour;            /* deliveries of a service; 0: no limit */
    char *messages[N_NOTICE_EVENTS]; /* templates (script/template.h); NULL: the default */
} notice_rule;

/* `json`: trader_spec.notify, NULL when the trader has none. `is_asked_only`: without rules nobody is told. ERR_INVALID for
 * what lua/stdlib/notify.lua does not make; ERR_NO_MEMORY. */
MUST_CHECK err notice_rule_read(const char *json, bool is_asked_only, notice_rule *out);
/* The trader's owner does not want to be told of signals, or of verdicts on them, whatever its script says. */
void notice_rule_silence(notice_rule *rule, bool tells_signals, bool tells_analyses);
void notice_rule_deinit(notice_rule *rule);
/* The services of `available` (bits) that are to hear of the notice. */
uint32_t notice_rule_services(const notice_rule *rule, const notice *n, uint32_t available);
