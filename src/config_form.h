/* What the value of a setting may look like: its text checked, converted and described for people.
 * Pure. Ownership: a text field points into the text it was made from; a list owns its items. */
#pragma once
#include "base/errors.h"

enum { CONFIG_ID_BYTES = 64 };

typedef enum config_type {
    TYPE_WHOLE,    /* int64_t, min..max */
    TYPE_CHOICE,   /* an enum whose values are the places in `choices` */
    TYPE_INTERVAL, /* enum interval */
    TYPE_ID,       /* const char *: letters, digits and . _ - */
    TYPE_ASSET,    /* const char *, made upper case */
    TYPE_SYMBOLS,  /* config_list, made upper case */
    TYPE_HOST,     /* const char *, as are the next three */
    TYPE_PATH,
    TYPE_HTTP_URL,
    TYPE_WS_URLS,    /* config_list, at most 8 */
    TYPE_HTTP_URLS,  /* the same */
    TYPE_ORIGINS,    /* config_list */
    TYPE_DECIMAL,    /* double, min..max; NaN for an empty text */
    TYPE_MODEL,      /* const char *: the name of a model */
    TYPE_SECRET,     /* const char *: printable, without blanks */
    TYPE_IMAGE,      /* const char *: the name of a container image */
    TYPE_CODES,      /* const char *: short words in lower case, with commas */
    TYPE_TOKEN,      /* const char *: a secret, or one behind "FlyV1 " */
    TYPE_PRICES,     /* config_list of MODEL=IN/OUT or MODEL=IN/OUT/CACHED */
    TYPE_AMOUNT,     /* double, from 0 */
    TYPE_KEY,        /* const char *: a service key; TYPE_KEY_BASE64: one in Base64 */
    TYPE_SECRET_URL, /* const char *: http or https, with a path and a query that may be secret */
    TYPE_CHAT,       /* const char *: a chat of Telegram */
    TYPE_TEXT,       /* const char *: any text, with line breaks */
    TYPE_KEY_BASE64
} config_type;

typedef struct config_form {
    config_type type;
    int64_t min, max;           /* TYPE_WHOLE, TYPE_DECIMAL */
    const char *const *choices; /* TYPE_CHOICE; NULL at the end */
    bool is_optional;           /* texts and lists: may be empty */
} config_form;

typedef struct config_list {
    char **items;
    size_t count;
} config_list;

void config_list_free(config_list *list);

/* "a whole number from 0 to 65535". */
void config_form_describe(const config_form *form, char *out, size_t bytes);
/* Letters, digits and . _ -, shorter than CONFIG_ID_BYTES, not empty. */
bool config_is_id(const char *text);
/* MODEL=IN/OUT[/CACHED]: prices, 0 or more, in USD per million tokens. `model` has `bytes`; NULL for one that is not wanted. */
bool config_price_parse(const char *text, char *model, size_t bytes, double *in, double *out, double *cached);
/* Normalises `text` in place (case, slashes at the end) and fills `field`, which the type tells the type of.
 * ERR_INVALID when the text has not that form; ERR_NO_MEMORY. A list may be half filled then; free it all the same. */
MUST_CHECK err config_form_convert(const config_form *form, char *text, void *field);
