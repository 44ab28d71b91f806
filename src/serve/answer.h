/* What a client is told when it has asked: {"type":"ack"|"error"|"pong","id":...,"data":{...}}, without a seq. Each NULL without
 * memory. `id` is JSON; "": the request had none.
 * Threads: the loop's. */
#pragma once
#include "serve/message.h"

/* `data`: a JSON object; NULL: {}. */
message *answer_ack(const char *id, const char *data);
message *answer_pong(const char *id);
message *answer_error(const char *id, const char *code, const char *text);
