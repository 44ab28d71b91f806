/* `trademind data export`: klines of the store as text. */
#include "base/json_writer.h"
#include "cli/data.h"
#include "cli/verbs.h"
#include "market/interval.h"
#include "market/kline_csv.h"
#include "sync/data_folder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static err write_json(FILE *to, const data_series *s, const kline *bar) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "market", s->market);
    json_put_text(&w, "symbol", s->series.symbol);
    json_put_text(&w, "interval", interval_name(s->series.interval));
    json_put_integer(&w, "open_time", bar->open_ms);
    json_put_number(&w, "open", bar->open);
    json_put_number(&w, "high", bar->high);
    json_put_number(&w, "low", bar->low);
    json_put_number(&w, "close", bar->close);
    json_put_number(&w, "volume", bar->volume);
    json_put_integer(&w, "close_time", interval_next(s->series.interval, bar->open_ms) - 1);
    json_put_number(&w, "quote_volume", bar->quote_volume);
    json_put_number(&w, "trades", bar->trades);
    json_put_number(&w, "taker_base", bar->taker_base);
    json_put_number(&w, "taker_quote", bar->taker_quote);
    json_write_object_end(&w);
    const char *text = json_writer_text(&w);
    if (text) {
        fputs(text, to);
        fputc('\n', to);
    }
    json_writer_deinit(&w);
    return text ? OK : ERR_NO_MEMORY;
}

static err write_bars(FILE *to, const data_call *call, const data_series *s, const kline_list *list) {
    size_t first = kline_list_find(list, call->from_ms), end = kline_list_find(list, call->to_ms);
    char row[KLINE_CSV_ROW_BYTES];
    err e = OK;
    if (call->format == DATA_CSV) fprintf(to, "%s\n", kline_csv_names);
    for (size_t i = first; i < end && e == OK && !ferror(to); i++) {
        if (call->format == DATA_JSONL)
            e = write_json(to, s, &list->bars[i]);
        else
            fwrite(row, 1, kline_csv_write(s->series.interval, &list->bars[i], row), to);
    }
    return e;
}

/* Beside, and renamed when it is whole. */
static err write_file(const data_call *call, const data_series *s, const kline_list *list, diag *why) {
    char path[HISTORY_PATH_BYTES], draft[HISTORY_PATH_BYTES + 16];
    int bytes = snprintf(path, sizeof path, "%s/%s-%s.%s", call->out, s->series.symbol,
                         interval_name(s->series.interval), call->format == DATA_CSV ? "csv" : "jsonl");
    if (bytes < 0 || bytes >= (int)sizeof path)
        return diag_set(why, ERR_TOO_BIG, "%.200s...: the path is too long", call->out);
    snprintf(draft, sizeof draft, "%s.draft", path);
    FILE *to = fopen(draft, "w");
    if (!to) return diag_set(why, ERR_IO, "cannot write %s: %s", draft, strerror(errno));
    err e = write_bars(to, call, s, list);
    bool has_failed = ferror(to) != 0;
    errno = 0;
    if (fclose(to) != 0 || has_failed || (e == OK && rename(draft, path) != 0))
        e = diag_set(why, ERR_IO, "cannot write %s: %s", path, errno ? strerror(errno) : error_text(ERR_IO));
    else if (e != OK)
        (void)diag_set(why, e, "%s: %s", path, error_text(e));
    if (e != OK) unlink(draft);
    return e;
}

/* One market's series would overwrite the other's, and CSV rows do not say whose they are. */
static err check_outlet(const data_call *call, const data_series *series, size_t count, diag *why) {
    if (!call->out && call->format == DATA_CSV && count > 1)
        return diag_set(why, ERR_INVALID,
                        "data export: %zu series are meant; expected one (--symbols, --intervals, "
                        "--market), or --out DIR, or --format jsonl",
                        count);
    if (call->out && strcmp(series[0].market, series[count - 1].market) != 0)
        return diag_set(why, ERR_INVALID,
                        "data export: series of two markets are meant; expected --market spot or usdm");
    return OK;
}

int data_export(const data_call *call, const config *cfg) {
    data_series *series;
    size_t count;
    diag why;
    err e = data_choose(call, cfg, &series, &count, &why);
    if (e == OK) e = check_outlet(call, series, count, &why);
    int code = e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    if (e == OK && call->out) e = data_folder_make(call->out, &why);
    for (size_t i = 0; i < count && e == OK; i++) {
        kline_list list;
        code = EXIT_FAILED;
        e = history_folder_read(series[i].folder, series[i].series.interval, &list, &why);
        if (e != OK) break;
        e = call->out ? write_file(call, &series[i], &list, &why) : write_bars(stdout, call, &series[i], &list);
        if (e != OK && !call->out) (void)diag_set(&why, e, "%s", error_text(e));
        kline_list_free(&list);
        if (ferror(stdout)) break; /* said at the end of the program, unless the reader left */
    }
    free(series);
    return e == OK ? EXIT_OK : verb_fail(&DATA_VERB, code, &why);
}
