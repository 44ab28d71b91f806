/* The key with which the machine writes to Supabase: which kinds there are, and how each is presented.
 *
 *   sb_secret_...        opaque: the header apikey alone, since a Bearer that is no JWT is refused
 *   eyJ..., three parts  legacy service_role JWT: apikey and Authorization: Bearer
 *   anything else        taken as opaque (a local Supabase's test_key); publishable and anon keys are refused
 *
 * A key is in no message. Threads: pure. */
#pragma once
#include "base/errors.h"

enum { SERVICE_KEY_MAX_BYTES = 4096, SERVICE_KEY_HEADER_BYTES = SERVICE_KEY_MAX_BYTES + 32 };

typedef enum service_key_kind { SERVICE_KEY_OPAQUE, SERVICE_KEY_JWT } service_key_kind;

/* ERR_INVALID and a sentence when it cannot be a key that may write: not of visible ASCII, too long, publishable, or a JWT of
 * another role. */
MUST_CHECK err service_key_check(const char *text, service_key_kind *kind, diag *why);
/* Base64 (either alphabet, padded or not, blanks around it ignored) to the key itself. ERR_INVALID, ERR_TOO_BIG. */
MUST_CHECK err service_key_decode(const char *base64, char out[SERVICE_KEY_MAX_BYTES], diag *why);

/* The header lines of a request; `authorization` is empty for an opaque key. */
typedef struct service_key_headers {
    char apikey[SERVICE_KEY_HEADER_BYTES], authorization[SERVICE_KEY_HEADER_BYTES];
} service_key_headers;

/* Of a key that service_key_check has let pass. */
void service_key_present(const char *text, service_key_kind kind, service_key_headers *out);
