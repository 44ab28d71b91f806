#include "sync/postgrest_answer.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

static bool is_any(const char *code, const char *const *list) {
    for (; *list; list++)
        if (starts_with(code, *list)) return true;
    return false;
}

/* By the SQLSTATE or PostgREST's own code, whatever the status. False: it tells nothing. */
static bool judge_code(const char *code, postgrest_answer *out) {
    /* Connections, resources, locks and deadlocks, shutdowns, the system, internal errors; a server that is a replica now. */
    static const char *const passing[] = {"08", "40",       "53",       "55",       "57",       "58",
                                          "XX", "PGRST000", "PGRST001", "PGRST002", "PGRST003", NULL};
    /* Unknown table, column, function, no unique constraint for on_conflict; a query it does not understand. */
    static const char *const lacking[] = {"42P01",    "42703",    "42883",    "42P10",    "PGRST100", "PGRST106",
                                          "PGRST107", "PGRST202", "PGRST204", "PGRST205", NULL};
    static const char *const refusing[] = {"42501", "28", "PGRST300", "PGRST301", "PGRST302", "PGRST303", NULL};
    static const char *const of_row[] = {"22", "23", "21", "P0", "PGRST102", NULL};
    if (!*code) return false;
    if (is_any(code, passing) || strcmp(code, "25006") == 0) {
        out->kind = POSTGREST_RETRY;
        out->shrinks = strcmp(code, "57014") == 0 || strcmp(code, "PGRST003") == 0;
    } else if (is_any(code, lacking)) {
        out->kind = POSTGREST_SCHEMA;
    } else if (is_any(code, refusing)) {
        out->kind = POSTGREST_KEY;
    } else if (is_any(code, of_row)) {
        out->kind = POSTGREST_ROW;
    } else {
        return false;
    }
    return true;
}

static void judge_status(int status, postgrest_answer *out) {
    switch (status) {
    case 400:
    case 409:
    case 422: out->kind = POSTGREST_ROW; return;
    case 401:
    case 403: out->kind = POSTGREST_KEY; return;
    case 408:
    case 504: out->shrinks = true; /* fall through */
    case 402:                      /* a project that is not paid for, or paused */
    case 425:
    case 429: out->kind = POSTGREST_RETRY; return;
    case 413:
    case 414: out->kind = POSTGREST_SHRINK; return;
    default: out->kind = status >= 500 ? POSTGREST_RETRY : POSTGREST_SCHEMA;
    }
}

static void take_error(const char *body, size_t body_bytes, postgrest_answer *out, char *message,
                       size_t message_bytes) {
    json_t *error = json_loadb(body, body_bytes, 0, NULL);
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "message"));
    const char *details = json_string_value(json_object_get(error, "details"));
    snprintf(out->code, sizeof out->code, "%s", code ? code : "");
    snprintf(message, message_bytes, "%s%s%s", text ? text : "", details ? "; " : "", details ? details : "");
    json_decref(error);
}

/* An answer that no PostgREST gave: a gateway's page, say. Its first line is told. */
static void take_page(const char *body, size_t body_bytes, char *message, size_t message_bytes) {
    size_t n = 0;
    for (size_t i = 0; i < body_bytes && n + 1 < message_bytes && n < 120; i++) {
        if (body[i] == '\n' && n) break;
        if ((unsigned char)body[i] >= ' ') message[n++] = body[i];
    }
    message[n] = 0;
}

static void judge_error(err error, postgrest_answer *out) {
    out->kind = error == ERR_CANCELLED ? POSTGREST_CANCELLED : POSTGREST_RETRY;
    out->shrinks = error == ERR_TIMEOUT || error == ERR_TOO_BIG;
}

void postgrest_answer_judge(err error, const char *error_text, int status, const char *body, size_t body_bytes,
                            postgrest_answer *out) {
    char message[POSTGREST_WHY_BYTES - 64] = "";
    *out =
        (postgrest_answer){.kind = POSTGREST_OK, .status = error ? 0 : status, .body = body, .body_bytes = body_bytes};
    if (error) {
        judge_error(error, out);
        snprintf(out->why, sizeof out->why, "%s", error_text ? error_text : "no answer");
        return;
    }
    if (status >= 200 && status < 300) return;
    take_error(body, body_bytes, out, message, sizeof message);
    if (!*message) take_page(body, body_bytes, message, sizeof message);
    if (!judge_code(out->code, out)) judge_status(status, out);
    /* @supabase/lite says 500 with a code of its own where a row breaks a check. */
    if (status == 500 && strstr(message, "violates") && strstr(message, "constraint")) out->kind = POSTGREST_ROW;
    snprintf(out->why, sizeof out->why, "HTTP %d%s%s: %s", status, *out->code ? " " : "", out->code, message);
}

const char *postgrest_kind_name(postgrest_kind kind) {
    static const char *const names[] = {"ok", "retry", "shrink", "key", "row", "schema", "cancelled"};
    return names[kind];
}
