/* What a browser asks for, read from the text of one message. Strict: JSON by RFC 8259 without names that come twice, an
 * object with a `type` that is known, an `id` that is a text or an integer, and data as the type wants it; further members
 * are for later versions and pass. The bare text `ping` is one, too.
 *
 * Pure. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "market/symbol.h"

enum {
    REQUEST_ID_TEXT = 64, /* bytes of an id that is a text; as JSON each may become \uXXXX */
    REQUEST_ID_BYTES = 6 * REQUEST_ID_TEXT + 3,
    REQUEST_TOKEN_BYTES = 4096,
    REQUEST_VERSION_BYTES = 65,
    SESSION_BYTES = 40
};

typedef enum request_type {
    REQUEST_AUTH,
    REQUEST_PING,
    REQUEST_BARE_PING,
    REQUEST_PONG,
    REQUEST_RESUME,
    REQUEST_SUBSCRIBE,
    REQUEST_UNSUBSCRIBE,
    REQUEST_PAUSE,
    REQUEST_GO_ON, /* resume_execution */
    REQUEST_FORCE_SYNC,
    REQUEST_CONFIG_UPDATE
} request_type;

typedef struct channel_request {
    request_type type;
    char id[REQUEST_ID_BYTES];           /* as JSON; "": it has none */
    char token[REQUEST_TOKEN_BYTES];     /* AUTH; "": there is none, or one that is too long to be one */
    char session[SESSION_BYTES];         /* RESUME */
    uint64_t seq;                        /* RESUME: the last one that was seen */
    char symbol[SYMBOL_BYTES];           /* SUBSCRIBE, UNSUBSCRIBE; "": all of them, of UNSUBSCRIBE only */
    int32_t interval;                    /* the same */
    char version[REQUEST_VERSION_BYTES]; /* CONFIG_UPDATE, as JSON; "": it names none */
    bool has_traders;                    /* CONFIG_UPDATE */
} channel_request;

/* `out->id` is filled whenever there is one, also on failure. ERR_SYNTAX: no message at all. ERR_NOT_FOUND: of a type that is
 * not known. ERR_INVALID: its data is not as the type wants it. ERR_NO_MEMORY. */
MUST_CHECK err channel_request_parse(const char *text, size_t bytes, channel_request *out, diag *why);
/* The list of traders of a CONFIG_UPDATE that has one, as JSON, heap; NULL without memory. */
char *channel_request_traders(const char *text, size_t bytes);
