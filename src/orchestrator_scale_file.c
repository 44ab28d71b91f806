/* Samples of the last minutes are not kept: after a restart they would be of another machine. */
#include "orchestrator_scale_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_VERSION = 1 };

static bool write_path(const char *folder, const char *name, char out[PATH_MAX]) {
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

/* ---- reading ---- */

static int64_t whole(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static double real(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

static scaler_size size_of(const json_t *o, const char *key) {
    const json_t *s = json_object_get(o, key);
    return (scaler_size){(int32_t)whole(s, "cpus"), (int32_t)whole(s, "memory_mb")};
}

static bool is_size(scaler_size s) { return s.cpus >= 1 && s.cpus <= 64 && s.memory_mb >= 1; }

static err fill(const json_t *root, scale_record *out) {
    scaler_history *h = &out->history;
    const json_t *hours = json_object_get(root, "hours");
    const char *nonce = json_string_value(json_object_get(root, "nonce"));
    *out = (scale_record){.before = size_of(root, "before"), .target = size_of(root, "target")};
    h->size = size_of(root, "size");
    if (whole(root, "version") != FILE_VERSION || !is_size(h->size) || json_array_size(hours) != SCALER_HOURS)
        return ERR_DAMAGED;
    if (nonce && strlen(nonce) >= sizeof out->nonce) return ERR_DAMAGED;
    if (nonce) memcpy(out->nonce, nonce, strlen(nonce) + 1);
    h->workers = h->size.cpus;
    for (size_t i = 0; i < SCALER_HOURS; i++) h->hour_load[i] = json_number_value(json_array_get(hours, i));
    h->hour = whole(root, "hour");
    h->first_hour = whole(root, "first_hour");
    h->resized_ms = whole(root, "resized_ms");
    h->lowered_ms = whole(root, "lowered_ms");
    h->down_after_ms = whole(root, "down_after_ms");
    h->hold_until_ms = whole(root, "hold_until_ms");
    h->day = whole(root, "day");
    h->n_today = (int32_t)whole(root, "n_today");
    h->month_from_ms = whole(root, "month_from_ms");
    h->spent_by_ms = whole(root, "spent_by_ms");
    h->spent_usd = real(root, "spent_usd");
    return h->hour >= 0 && h->first_hour >= 0 && h->first_hour <= h->hour ? OK : ERR_DAMAGED;
}

err scale_record_read(const char *folder, scale_record *out) {
    char path[PATH_MAX];
    if (!write_path(folder, "scale.json", path)) return ERR_TOO_BIG;
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    json_t *root = json_loadf(file, 0, NULL);
    fclose(file);
    err e = root ? fill(root, out) : ERR_DAMAGED;
    json_decref(root);
    return e;
}

/* ---- writing ---- */

static json_t *size_json(scaler_size s) { return json_pack("{s:i, s:i}", "cpus", s.cpus, "memory_mb", s.memory_mb); }

static json_t *record_json(const scale_record *r) {
    const scaler_history *h = &r->history;
    json_t *hours = json_array();
    for (size_t i = 0; hours && i < SCALER_HOURS; i++) json_array_append_new(hours, json_real(h->hour_load[i]));
    return json_pack("{s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:f, s:s, s:o, s:o}", "version",
                     FILE_VERSION, "size", size_json(h->size), "hours", hours, "hour", (json_int_t)h->hour,
                     "first_hour", (json_int_t)h->first_hour, "resized_ms", (json_int_t)h->resized_ms, "lowered_ms",
                     (json_int_t)h->lowered_ms, "down_after_ms", (json_int_t)h->down_after_ms, "hold_until_ms",
                     (json_int_t)h->hold_until_ms, "day", (json_int_t)h->day, "n_today", h->n_today, "month_from_ms",
                     (json_int_t)h->month_from_ms, "spent_by_ms", (json_int_t)h->spent_by_ms, "spent_usd", h->spent_usd,
                     "nonce", r->nonce, "before", size_json(r->before), "target", size_json(r->target));
}

static err write_whole(int file, const char *text, size_t bytes) {
    while (bytes > 0) {
        ssize_t n = write(file, text, bytes);
        if (n < 0 && errno != EINTR) return ERR_IO;
        if (n < 0) continue;
        text += n;
        bytes -= (size_t)n;
    }
    return fsync(file) == 0 ? OK : ERR_IO;
}

err scale_record_write(const char *folder, const scale_record *record) {
    char path[PATH_MAX], aside[PATH_MAX];
    if (!write_path(folder, "scale.json", path) || !write_path(folder, "scale.json.new", aside)) return ERR_TOO_BIG;
    json_t *root = record_json(record);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    int file = text ? open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    err e = !text ? ERR_NO_MEMORY : file < 0 ? ERR_IO : write_whole(file, text, strlen(text));
    if (file >= 0 && close(file) != 0 && e == OK) e = ERR_IO;
    if (e == OK && rename(aside, path) != 0) e = ERR_IO;
    free(text);
    json_decref(root);
    return e;
}
