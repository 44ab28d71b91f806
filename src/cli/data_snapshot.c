/* `trademind data list --snapshot`: the bars and indicator states that the next start will take up. */
#include "cli/data.h"
#include "cli/verbs.h"
#include "screener/snapshot_list.h"
#include "sync/snapshot_file.h"
#include <stdio.h>

static err print_series(const snapshot *s, int32_t interval, registry *r) {
    json_writer w;
    err e;
    json_writer_init(&w);
    e = snapshot_list_write(s, interval, r, &w);
    if (e == OK && !json_writer_text(&w)) e = ERR_NO_MEMORY;
    if (e == OK) puts(json_writer_text(&w));
    json_writer_deinit(&w);
    return e;
}

/* For people: how many bars there are. */
static err print_line(const snapshot *s, int32_t interval) {
    byte_reader r = s->bars[interval];
    uint32_t keep = byte_get_u32(&r), count = byte_get_u32(&r);
    (void)keep;
    if (r.has_failed) return ERR_INVALID;
    printf("%-16s %-4s %6u bars\n", s->name, interval_name(interval), count);
    return OK;
}

static err list_symbol(const snapshot_file *f, uint32_t at, bool as_json, registry *r) {
    saved_symbol *packed = snapshot_file_get(f, at), *bytes = NULL;
    snapshot s;
    err e = packed ? saved_symbol_unpack(packed, &bytes) : ERR_NO_MEMORY;
    if (e == OK) e = snapshot_open(bytes->data, bytes->bytes, &s);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (s.intervals >> i & 1) e = as_json ? print_series(&s, i, r) : print_line(&s, i);
    saved_symbol_free(bytes);
    saved_symbol_free(packed);
    return e;
}

int data_list_snapshot(const data_call *call, const config *cfg) {
    snapshot_file *f = NULL;
    registry *r = NULL;
    diag why = {0};
    err e;
    if (snapshot_file_look(cfg->data_dir, &f, &why) != OK) return verb_fail(&DATA_VERB, EXIT_FAILED, &why);
    e = registry_new(&r);
    for (uint32_t i = 0; i < snapshot_file_count(f) && e == OK; i++) e = list_symbol(f, i, call->as_json, r);
    registry_free(r);
    snapshot_file_free(f);
    if (e == OK) return EXIT_OK;
    (void)diag_set(&why, e, "%s/snapshot: %s", cfg->data_dir, error_text(e));
    return verb_fail(&DATA_VERB, EXIT_FAILED, &why);
}
