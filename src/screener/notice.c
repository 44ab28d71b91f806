#include "screener/notice.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const EVENTS[N_NOTICE_EVENTS] = {"signal", "provisional", "confirmed", "withdrawn", "analysis"};
static const char *const SERVICES[N_NOTICE_SERVICES] = {"webhook", "telegram", "discord"};
static const char *const STATES[N_DELIVERY_STATES] = {"waiting", "sent", "refused", "expired", "limited"};

static int place_of(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return i;
    return n;
}

const char *notice_event_name(notice_event event) { return EVENTS[event]; }

notice_event notice_event_parse(const char *name) { return (notice_event)place_of(EVENTS, N_NOTICE_EVENTS, name); }

const char *notice_service_name(notice_service service) { return SERVICES[service]; }

notice_service notice_service_parse(const char *name) {
    return (notice_service)place_of(SERVICES, N_NOTICE_SERVICES, name);
}

const char *delivery_state_name(delivery_state state) { return STATES[state]; }

void delivery_name(notice_event event, const char *key, notice_service service, char id[ID_BYTES]) {
    char name[128];
    int bytes = snprintf(name, sizeof name, "notice|%s|%s|%s", EVENTS[event], key, SERVICES[service]);
    (void)uuid5(SIGNAL_NAMESPACE, name, (size_t)bytes, id);
}

void notice_deinit(notice *n) {
    signal_row_deinit(&n->signal);
    analysis_row_deinit(&n->analysis);
    *n = (notice){0};
}

void delivery_deinit(delivery *d) {
    free(d->body);
    d->body = NULL;
}
