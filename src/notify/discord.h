/* Discord: "execute webhook". See service.h.
 * Messages are plain text of at most 2000 characters and mention nobody. A 429 says in retry_after, seconds with a fraction, how long to
 * wait; X-RateLimit-Remaining and -Reset-After say beforehand when the next request would be one too many. */
#pragma once
#include "notify/service.h"

extern const service discord_service;
