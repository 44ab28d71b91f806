#include "serve/channel_wait.h"
#include <stdio.h>
#include <stdlib.h>

waiter *channel_wait_add(channel_client *client, const char *id) {
    channel *c = client->owner;
    waiter *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->owner = c;
    w->client = client;
    snprintf(w->id, sizeof w->id, "%s", id);
    w->next = c->waiters;
    c->waiters = w;
    return w;
}

channel_client *channel_wait_end(waiter *w) {
    channel_client *client = w->owner ? w->client : NULL;
    if (w->owner) {
        waiter **at = &w->owner->waiters;
        while (*at != w) at = &(*at)->next;
        *at = w->next;
    }
    free(w);
    return client && !client->close_code ? client : NULL;
}

void channel_wait_forget(channel_client *client) {
    for (waiter *w = client->owner->waiters; w; w = w->next)
        if (w->client == client) w->client = NULL;
}

void channel_wait_leave(channel *c) {
    for (waiter *w = c->waiters; w; w = w->next) w->owner = NULL;
    c->waiters = NULL;
}
