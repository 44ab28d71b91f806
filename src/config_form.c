#include "config_form.h"

#include "base/service_key.h"
#include "base/url.h"
#include "market/interval.h"
#include "market/symbol.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- described ---- */

static void describe_choices(const config_form *form, char *out, size_t bytes) {
    size_t used = (size_t)snprintf(out, bytes, "%s", form->choices[0]);
    for (size_t i = 1; form->choices[i] && used < bytes; i++) {
        const char *joint = form->choices[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", joint, form->choices[i]);
    }
}

static void describe_intervals(char *out, size_t bytes) {
    size_t used = (size_t)snprintf(out, bytes, "one of");
    for (int32_t i = 0; i < N_INTERVALS && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, " %s", interval_name(i));
}

void config_form_describe(const config_form *form, char *out, size_t bytes) {
    static const char *const texts[] = {
        [TYPE_ID] = "letters, digits and . _ -, at most 63",
        [TYPE_ASSET] = "the name of an asset, such as USDT",
        [TYPE_SYMBOLS] = "symbols with commas between them, such as BTCUSDT,ETHUSDT",
        [TYPE_HOST] = "a numeric address or a host name",
        [TYPE_PATH] = "a path (~ is not expanded)",
        [TYPE_HTTP_URL] = "http:// or https://, host and port, without user and query",
        [TYPE_WS_URLS] = "up to 8 of ws(s)://HOST[:PORT][/PATH], with commas between several",
        [TYPE_HTTP_URLS] = "up to 8 of http(s)://HOST[:PORT][/PATH], with commas between several",
        [TYPE_ORIGINS] = "http(s)://HOST[:PORT], with commas between several",
        [TYPE_MODEL] = "the name of a model, such as gemini-3.8-flash or google/gemini-3.8-flash",
        [TYPE_SECRET] = "a key without blanks",
        [TYPE_IMAGE] = "the name of an image such as registry.fly.io/trademind:1",
        [TYPE_CODES] = "short words in lower case, with commas between them",
        [TYPE_TOKEN] = "a token as fly tokens create prints it",
        [TYPE_SECRET_URL] = "http://HOST or https://HOST and what follows, without blanks",
        [TYPE_CHAT] = "the id of a chat, such as -1001234567890, or @NAME of a channel",
        [TYPE_TEXT] = "a text",
        [TYPE_PRICES] = "MODEL=IN/OUT or MODEL=IN/OUT/CACHED (USD per million tokens), with commas between several",
        [TYPE_AMOUNT] = "a decimal number such as 0.0095, not negative",
        [TYPE_KEY] = "a key sb_secret_... or the service_role JWT",
        [TYPE_KEY_BASE64] = "a key sb_secret_... or the service_role JWT, in Base64",
    };
    if (form->type == TYPE_WHOLE) {
        snprintf(out, bytes, "a whole number from %" PRId64 " to %" PRId64, form->min, form->max);
    } else if (form->type == TYPE_DECIMAL) {
        snprintf(out, bytes, "a number from %" PRId64 " to %" PRId64, form->min, form->max);
    } else if (form->type == TYPE_CHOICE) {
        describe_choices(form, out, bytes);
    } else if (form->type == TYPE_INTERVAL) {
        describe_intervals(out, bytes);
    } else {
        snprintf(out, bytes, "%s", texts[form->type]);
    }
}

enum { MAX_URLS = 8, MODEL_BYTES = 96, IMAGE_BYTES = 256 };

/* ---- checked and converted ---- */

static bool parse_whole(const config_form *form, const char *text, int64_t *out) {
    int64_t number = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9') return false;
        number = number * 10 + (*at - '0');
        if (number > form->max) return false;
    }
    *out = number;
    return number >= form->min;
}

/* Plain decimals: 2, 0.5, .5 */
static bool parse_plain(const char *text, const char *end, double *out) {
    char *stop;
    bool has_digit = false;
    for (const char *at = text; at < end; at++) {
        if (!(*at >= '0' && *at <= '9') && *at != '.') return false;
        has_digit = has_digit || *at != '.';
    }
    *out = has_digit ? strtod(text, &stop) : 0;
    return has_digit && stop == end;
}

static err convert_decimal(const config_form *form, const char *text, double *field) {
    double number = NAN;
    if (*text && !parse_plain(text, text + strlen(text), &number)) return ERR_INVALID;
    if (*text ? !(number >= (double)form->min && number <= (double)form->max) : !form->is_optional) return ERR_INVALID;
    *field = number;
    return OK;
}

static bool is_model(const char *text, size_t bytes) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:";
    bool is_name = bytes > 0 && bytes < MODEL_BYTES && isalnum((unsigned char)*text);
    for (size_t i = 0; is_name && i < bytes; i++)
        is_name = text[i] && strchr(allowed, text[i]) && !(text[i] == '.' && i > 0 && text[i - 1] == '.');
    return is_name;
}

/* A name, and what may stand behind @: a digest. */
static bool is_image(const char *text) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@";
    return isalnum((unsigned char)*text) && strlen(text) < IMAGE_BYTES && strspn(text, allowed) == strlen(text);
}

static bool is_codes(const char *text) {
    size_t bytes = strlen(text);
    return bytes > 0 && bytes < IMAGE_BYTES && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789,") == bytes &&
           *text != ',' && text[bytes - 1] != ',' && !strstr(text, ",,");
}

bool config_price_parse(const char *text, char *model, size_t bytes, double *in, double *out, double *cached) {
    const char *equals = strchr(text, '='), *first, *second, *end;
    if (!equals || !is_model(text, (size_t)(equals - text))) return false;
    end = text + strlen(text);
    first = strchr(equals, '/');
    if (!first) return false;
    second = strchr(first + 1, '/');
    if (!parse_plain(equals + 1, first, in) || !parse_plain(first + 1, second ? second : end, out)) return false;
    *cached = *in;
    if (second && !parse_plain(second + 1, end, cached)) return false;
    if (model) snprintf(model, bytes, "%.*s", (int)(equals - text), text);
    return true;
}

static bool is_price(const char *text) {
    double in, out, cached;
    return config_price_parse(text, NULL, 0, &in, &out, &cached);
}

static bool is_secret(const char *text) {
    for (; *text; text++)
        if (*text <= ' ' || *text > '~') return false;
    return true;
}

static bool is_secret_url(const char *text) {
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    return isalnum((unsigned char)*host) && is_secret(host) && !strpbrk(host, "#\"\\<>");
}

static bool is_chat(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t bytes = strlen(text), from = *text == '@' || *text == '-';
    if (bytes == from || bytes >= CONFIG_ID_BYTES) return false;
    return strspn(text + from, *text == '@' ? letters : "0123456789") == bytes - from;
}

static bool is_text(const char *text) {
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && *text != '\n' && *text != '\t') return false;
    return true;
}

/* Digits with at most one point, so that the locale plays no part in what is taken. */
static err convert_amount(const char *text, void *field) {
    size_t digits = strspn(text, "0123456789"), fraction = 0;
    double number = 0, place = 1;
    if (text[digits] == '.') fraction = strspn(text + digits + 1, "0123456789");
    size_t bytes = digits + (text[digits] == '.' ? 1 + fraction : 0);
    enum { MAX_AMOUNT_BYTES = 15 };
    if (digits + fraction == 0 || text[bytes] || bytes > MAX_AMOUNT_BYTES) return ERR_INVALID;
    for (const char *at = text; *at; at++) {
        if (*at != '.') number = number * 10 + (*at - '0');
        if (at > text + digits) place *= 10;
    }
    number /= place;
    memcpy(field, &number, sizeof number);
    return OK;
}

/* The place of the choice; -1 when it is none. */
static int parse_choice(const config_form *form, const char *text) {
    for (int i = 0; form->choices[i]; i++) {
        if (strcmp(form->choices[i], text) == 0) return i;
    }
    return -1;
}

bool config_is_id(const char *text) {
    size_t bytes = strlen(text);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return bytes > 0 && bytes < CONFIG_ID_BYTES && strspn(text, allowed) == bytes;
}

/* A name of the exchange: visible characters (Binance has symbols beyond ASCII), shorter than `max_bytes`. */
static bool is_market_name(const char *text, size_t max_bytes) {
    size_t bytes = strlen(text);
    for (const char *at = text; *at; at++) {
        if (isspace((unsigned char)*at) || iscntrl((unsigned char)*at) || ispunct((unsigned char)*at)) return false;
    }
    return bytes > 0 && bytes < max_bytes;
}

static bool is_path(const char *text) {
    size_t bytes = strlen(text);
    for (const char *at = text; *at; at++) {
        if (iscntrl((unsigned char)*at)) return false;
    }
    enum { ROOM_FOR_FILES = 128 };
    return bytes > 0 && bytes < PATH_MAX - ROOM_FOR_FILES && *text != '~';
}

static void make_upper(char *text) {
    for (; *text; text++) {
        if (*text >= 'a' && *text <= 'z') *text = (char)(*text - 'a' + 'A');
    }
}

static void drop_last_slashes(char *text) {
    for (size_t bytes = strlen(text); bytes > 1 && text[bytes - 1] == '/'; bytes--) text[bytes - 1] = 0;
}

static bool list_has(const config_list *list, const char *item) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], item) == 0) return true;
    }
    return false;
}

static err list_add(config_list *list, const char *item) {
    char **longer = realloc(list->items, (list->count + 1) * sizeof *longer);
    if (!longer) return ERR_NO_MEMORY;
    list->items = longer;
    if (!(list->items[list->count] = strdup(item))) return ERR_NO_MEMORY;
    list->count++;
    return OK;
}

static bool is_item(const config_form *form, const char *item) {
    switch (form->type) {
    case TYPE_SYMBOLS: return is_market_name(item, SYMBOL_BYTES);
    case TYPE_WS_URLS: return url_is_base(item, "ws", "wss");
    case TYPE_HTTP_URLS: return url_is_base(item, "http", "https");
    case TYPE_PRICES: return is_price(item);
    default: return url_is_origin(item);
    }
}

static bool is_url_list(const config_form *form) { return form->type == TYPE_WS_URLS || form->type == TYPE_HTTP_URLS; }

static size_t most_items(const config_form *form) { return is_url_list(form) ? MAX_URLS : SYMBOL_MAX; }

/* Items between commas, blanks around them dropped; one that stands there twice counts once. */
static err parse_list(const config_form *form, const char *text, config_list *list) {
    char *copy = strdup(text), *rest = copy, *item;
    err e = copy ? OK : ERR_NO_MEMORY;
    while (e == OK && (item = strsep(&rest, ","))) {
        item += strspn(item, " \t");
        for (size_t bytes = strlen(item); bytes > 0 && strchr(" \t", item[bytes - 1]); bytes--) item[bytes - 1] = 0;
        if (is_url_list(form)) drop_last_slashes(item);
        if (!is_item(form, item) || list->count == most_items(form)) {
            e = ERR_INVALID;
        } else if (!list_has(list, item)) {
            e = list_add(list, item);
        }
    }
    free(copy);
    return e;
}

static bool is_key(const char *text) {
    service_key_kind kind;
    return service_key_check(text, &kind, NULL) == OK;
}

static bool is_key_in_base64(const char *text) {
    char key[SERVICE_KEY_MAX_BYTES];
    return service_key_decode(text, key, NULL) == OK && is_key(key);
}

/* Texts stay where they are; the field points to them. */
static bool check_text(const config_form *form, char *text) {
    switch (form->type) {
    case TYPE_ID: return config_is_id(text);
    case TYPE_ASSET: make_upper(text); return is_market_name(text, ASSET_BYTES);
    case TYPE_HOST: return url_is_host(text);
    case TYPE_PATH: drop_last_slashes(text); return is_path(text);
    case TYPE_HTTP_URL: drop_last_slashes(text); return url_is_base(text, "http", "https");
    case TYPE_MODEL: return is_model(text, strlen(text));
    case TYPE_SECRET: return is_secret(text);
    case TYPE_IMAGE: return is_image(text);
    case TYPE_CODES: return is_codes(text);
    case TYPE_TOKEN: return is_secret(strncmp(text, "FlyV1 ", 6) == 0 ? text + 6 : text);
    case TYPE_SECRET_URL: return is_secret_url(text);
    case TYPE_CHAT: return is_chat(text);
    case TYPE_TEXT: return is_text(text);
    case TYPE_KEY: return is_key(text);
    case TYPE_KEY_BASE64: return is_key_in_base64(text);
    default: return false;
    }
}

void config_list_free(config_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    free(list->items);
    *list = (config_list){0};
}

/* An enum has the size of an int here (gcc and clang); memcpy keeps to the rules on aliasing. */
static err convert_number(int number, void *field) {
    if (number < 0) return ERR_INVALID;
    memcpy(field, &number, sizeof number);
    return OK;
}

static err convert_list(const config_form *form, char *text, config_list *list) {
    if (form->type == TYPE_SYMBOLS) make_upper(text);
    if (!*text) return form->is_optional ? OK : ERR_INVALID;
    return parse_list(form, text, list);
}

static err convert_text(const config_form *form, char *text, void *field) {
    bool is_good = *text ? check_text(form, text) : form->is_optional;
    if (!is_good) return ERR_INVALID;
    memcpy(field, &text, sizeof text);
    return OK;
}

err config_form_convert(const config_form *form, char *text, void *field) {
    switch (form->type) {
    case TYPE_WHOLE: return parse_whole(form, text, field) ? OK : ERR_INVALID;
    case TYPE_CHOICE: return convert_number(parse_choice(form, text), field);
    case TYPE_INTERVAL: return convert_number(interval_parse(text, strlen(text)), field);
    case TYPE_DECIMAL: return convert_decimal(form, text, field);
    case TYPE_SYMBOLS:
    case TYPE_WS_URLS:
    case TYPE_HTTP_URLS:
    case TYPE_PRICES:
    case TYPE_ORIGINS: return convert_list(form, text, field);
    case TYPE_AMOUNT: return convert_amount(text, field);
    default: return convert_text(form, text, field);
    }
}
