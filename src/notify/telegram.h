/* Telegram: sendMessage of the Bot API. See service.h.
 * Messages are plain text of at most 4096 characters. A 429 says in parameters.retry_after how long to wait; a group that has become a
 * supergroup has another id, parameters.migrate_to_chat_id. */
#pragma once
#include "notify/service.h"

extern const service telegram_service;
