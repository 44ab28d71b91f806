/* Any bytes as a page of the table `traders`: refused as a whole with a sentence, or rows that keep their promises, choose
 * without harm, and read back the same after they were written. */
#include "sync/trader_choice.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static bool is_same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static void check_row(const trader_row *row) {
    require(strlen(row->id) == UUID_TEXT_BYTES - 1);
    require(row->tier >= TIER_ANONYMOUS && row->tier <= TIER_ELITE);
    require(!row->code || *row->code);
}

static void check_choice(const trader_row_list *list) {
    trader_verdict *verdicts = calloc(list->count + 1, sizeof *verdicts);
    require(verdicts != NULL);
    for (int tier = TIER_ANONYMOUS; tier <= TIER_ELITE; tier++) {
        int32_t n_own = 0, quota = user_tier_quota((user_tier)tier);
        require(trader_choice_make(list, (user_tier)tier, verdicts) == OK);
        for (size_t i = 0; i < list->count; i++) n_own += verdicts[i] == VERDICT_RUNS && !list->items[i].is_built_in;
        require(quota < 0 || n_own <= quota);
    }
    free(verdicts);
}

/* A row of which a column could not be read has another problem when it is read again. */
static void check_again(const trader_row *row) {
    trader_row_list again = {0};
    json_writer w;
    json_writer_init(&w);
    json_write_array(&w);
    trader_row_write(row, &w);
    json_write_array_end(&w);
    require(trader_row_parse(json_writer_text(&w), w.bytes, &again, NULL) == OK && again.count == 1);
    const trader_row *b = again.items;
    require(b->is_enabled == row->is_enabled && b->is_in_cloud == row->is_in_cloud && b->tier == row->tier);
    require(b->tells_signals == row->tells_signals && b->tells_analyses == row->tells_analyses);
    require(is_same(b->code, row->code) && is_same(b->inputs, row->inputs) && is_same(b->name, row->name));
    require(is_same(b->filter_rest, row->filter_rest) && is_same(b->cloud_rest, row->cloud_rest));
    require(is_same(b->key, row->key) && is_same(b->error, row->error));
    json_writer_deinit(&w);
    trader_row_list_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    trader_row_list list = {0};
    diag why = {""};
    err e = trader_row_parse((const char *)data, bytes, &list, &why);
    require(e == OK ? *why.text == 0 : *why.text && list.count == 0);
    for (size_t i = 0; i < list.count; i++) check_row(&list.items[i]);
    check_choice(&list);
    for (size_t i = 0; i < list.count; i++) check_again(&list.items[i]);
    trader_row_list_deinit(&list);
    return 0;
}
