#include "base/service_key.h"
#include "base/json_reader.h"
#include <stdio.h>
#include <string.h>

/* 0..63; -1: no digit of either alphabet. */
static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* The bytes of `n` digits; SIZE_MAX when one is none, or when there is no room for them and a 0. */
static size_t decode(const char *text, size_t n, char *out, size_t out_bytes) {
    size_t count = 0;
    uint32_t bits = 0;
    int n_bits = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0 || count + 1 >= out_bytes) return SIZE_MAX;
        bits = bits << 6 | (uint32_t)digit;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        out[count++] = (char)(bits >> n_bits);
    }
    out[count] = 0;
    return count;
}

err service_key_decode(const char *base64, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    static const char blanks[] = " \t\r\n";
    base64 += strspn(base64, blanks);
    size_t n = strcspn(base64, "= \t\r\n");
    size_t behind = n + strspn(base64 + n, "=");
    if (base64[behind + strspn(base64 + behind, blanks)] || n == 0)
        return diag_set(why, ERR_INVALID, "expected the key as Base64");
    size_t bytes = decode(base64, n, out, SERVICE_KEY_MAX_BYTES);
    if (bytes == SIZE_MAX) return diag_set(why, ERR_INVALID, "expected the key as Base64");
    while (bytes && (out[bytes - 1] == '\n' || out[bytes - 1] == '\r')) out[--bytes] = 0; /* `echo key | base64` */
    return strlen(out) == bytes && bytes ? OK : diag_set(why, ERR_INVALID, "expected the key as Base64");
}

/* Where the second and third part begin; false when there are not three. */
static bool is_jwt(const char *text, const char **payload, size_t *payload_bytes) {
    const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (strncmp(text, "eyJ", 3) != 0 || !second || strchr(second + 1, '.')) return false;
    *payload = first + 1;
    *payload_bytes = (size_t)(second - first - 1);
    return true;
}

/* Who signed it is the server's business; only a key that was mixed up is to be found here. */
static bool is_service_role(const char *payload, size_t payload_bytes) {
    char json[SERVICE_KEY_MAX_BYTES];
    size_t bytes = decode(payload, payload_bytes, json, sizeof json);
    json_reader r;
    json_slice key, role = {0};
    if (bytes == SIZE_MAX) return false;
    json_reader_init(&r, json, bytes);
    if (!json_enter_object(&r)) return false;
    while (json_next_key(&r, &key)) {
        if (json_equals(key, "role") ? !json_string(&r, &role) : !json_skip(&r)) return false;
    }
    return json_finish(&r) && role.bytes && json_equals(role, "service_role");
}

err service_key_check(const char *text, service_key_kind *kind, diag *why) {
    size_t bytes = strlen(text), payload_bytes;
    const char *payload;
    for (size_t i = 0; i < bytes; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return diag_set(why, ERR_INVALID, "it has a character that no key has; expected visible ASCII");
    if (bytes == 0 || bytes >= SERVICE_KEY_MAX_BYTES)
        return diag_set(why, ERR_INVALID, "it has %zu characters; expected 1 to %d", bytes, SERVICE_KEY_MAX_BYTES - 1);
    if (strncmp(text, "sb_publishable_", 15) == 0)
        return diag_set(why, ERR_INVALID, "it is a publishable key, which may not write; expected sb_secret_...");
    *kind = SERVICE_KEY_OPAQUE;
    if (!is_jwt(text, &payload, &payload_bytes)) return OK;
    *kind = SERVICE_KEY_JWT;
    if (is_service_role(payload, payload_bytes)) return OK;
    return diag_set(why, ERR_INVALID,
                    "it is a JWT of another role; expected the one of service_role, or sb_secret_...");
}

void service_key_present(const char *text, service_key_kind kind, service_key_headers *out) {
    snprintf(out->apikey, sizeof out->apikey, "apikey: %s", text);
    *out->authorization = 0;
    if (kind == SERVICE_KEY_JWT)
        snprintf(out->authorization, sizeof out->authorization, "Authorization: Bearer %s", text);
}
