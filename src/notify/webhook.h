/* A webhook: an address of the user's own that takes a POST. See service.h.
 * The body is {"id", "event", "text", "signal", "analysis"} (docs/notifications.md), or the message alone; the headers are those of
 * standardwebhooks.com. `text` is also what Slack and Mattermost show. */
#pragma once
#include "notify/service.h"

extern const service webhook_service;
