/* The heading is a skippable frame of zstd (RFC 8878, 3.1.2):
 *
 *   magic 0x184D2A5B | length | SHA-256 in hex | ' ' | {"format":1,...} | '\n' || a frame with the rows
 *
 * The digest is over the JSON and the packed frame, so that no bit of the file can change unseen. The frame has zstd's own
 * checksum of the rows besides. */
#include "market/history_file.h"
#include "base/fault.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/packing.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "market/interval.h"
#include "market/kline_csv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    FRAME_HEAD_BYTES = 8,
    DIGEST_TEXT_BYTES = SHA256_TEXT_BYTES - 1,
    HEADING_MOST_BYTES = 4 << 20,
    ROWS_MOST_BYTES = 64 << 20, /* 86,400 rows of a day of seconds are 15 MB */
    FILE_MOST_BYTES = 64 << 20,
    PATH_BYTES = 4096
};
static const uint32_t HEADING_MAGIC = 0x184D2A5B;
const char history_file_ending[] = ".csv.zst";

typedef struct heading {
    char market[HISTORY_MARKET_BYTES], symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t format, from_ms, n_bars;
    span_list holes;
    unsigned char digest[SHA256_BYTES];
    const char *json; /* in the file */
    size_t json_bytes, frame_at;
} heading;

/* Where findings go: to the caller, or, when there is none, the first one into the diag. */
typedef struct reading {
    const char *path;
    history_finding_fn on_finding;
    void *context;
    diag *why;
    bool has_findings, is_enough;
} reading;

void history_file_name(const history_part *p, char out[HISTORY_NAME_BYTES]) {
    char time[TIME_TEXT_BYTES];
    time_text_format(p->from_ms, time);
    snprintf(out, HISTORY_NAME_BYTES, "%s-%s-%.*s%s", p->symbol, interval_name(p->interval),
             p->interval == INTERVAL_1S ? 10 : 7, time, history_file_ending);
}

/* ---- writing ---- */

static err write_heading(const history_part *p, const unsigned char *frame, size_t frame_bytes, char **out,
                         size_t *out_bytes) {
    unsigned char digest[SHA256_BYTES];
    char digest_text[SHA256_TEXT_BYTES];
    json_writer w;
    char *json = NULL;
    size_t json_bytes = 0;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_integer(&w, "format", FORMAT);
    json_put_text(&w, "market", p->market);
    json_put_text(&w, "symbol", p->symbol);
    json_put_text(&w, "interval", interval_name(p->interval));
    json_put_integer(&w, "from", p->from_ms);
    json_put_integer(&w, "bars", (int64_t)p->bars.count);
    json_write_key(&w, "holes");
    json_write_array(&w);
    for (size_t i = 0; i < p->holes.count; i++) {
        json_write_array(&w);
        json_write_integer(&w, p->holes.items[i].from_ms);
        json_write_integer(&w, p->holes.items[i].to_ms);
        json_write_array_end(&w);
    }
    json_write_array_end(&w);
    json_write_object_end(&w);
    err e = json_writer_take(&w, &json, &json_bytes);
    if (e == OK) e = sha256_of(json, json_bytes, frame, frame_bytes, digest);
    if (e == OK) {
        sha256_text(digest, digest_text);
        int n = asprintf(out, "%s %s\n", digest_text, json);
        *out_bytes = n < 0 ? 0 : (size_t)n;
        if (n < 0) e = ERR_NO_MEMORY;
    }
    free(json);
    json_writer_deinit(&w);
    return e;
}

static err write_rows(const history_part *p, char **out, size_t *out_bytes) {
    size_t names_bytes = strlen(kline_csv_names), used = 0;
    char *rows = malloc(names_bytes + 1 + (p->bars.count + 1) * KLINE_CSV_ROW_BYTES);
    if (!rows) return ERR_NO_MEMORY;
    memcpy(rows, kline_csv_names, names_bytes);
    rows[names_bytes] = '\n';
    used = names_bytes + 1;
    for (size_t i = 0; i < p->bars.count; i++) used += kline_csv_write(p->interval, &p->bars.bars[i], rows + used);
    *out = rows;
    *out_bytes = used;
    return OK;
}

err history_file_encode(const history_part *p, unsigned char **data, size_t *bytes) {
    char *rows = NULL, *text = NULL;
    unsigned char *frame = NULL, *all = NULL;
    size_t rows_bytes = 0, text_bytes = 0, frame_bytes = 0;
    err e = write_rows(p, &rows, &rows_bytes);
    if (e == OK) e = packing_pack(rows, rows_bytes, &frame, &frame_bytes);
    if (e == OK) e = write_heading(p, frame, frame_bytes, &text, &text_bytes);
    if (e == OK) {
        uint32_t head[2] = {HEADING_MAGIC, (uint32_t)text_bytes};
        all = malloc(FRAME_HEAD_BYTES + text_bytes + frame_bytes);
        e = all ? OK : ERR_NO_MEMORY;
        if (all) {
            memcpy(all, head, FRAME_HEAD_BYTES);
            memcpy(all + FRAME_HEAD_BYTES, text, text_bytes);
            memcpy(all + FRAME_HEAD_BYTES + text_bytes, frame, frame_bytes);
            *data = all;
            *bytes = FRAME_HEAD_BYTES + text_bytes + frame_bytes;
        }
    }
    free(rows);
    free(text);
    free(frame);
    return e;
}

static bool write_all(int fd, const unsigned char *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        data += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool flush_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_flushed = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return is_flushed;
}

/* False with errno. */
static bool put_file(const char *folder, const char *draft, const char *path, const unsigned char *data, size_t bytes) {
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    fault("history.draft");
    bool is_done = write_all(fd, data, bytes) && fsync(fd) == 0;
    int failure = errno;
    if (close(fd) != 0 && is_done) {
        is_done = false;
        failure = errno;
    }
    fault("history.written");
    if (is_done && rename(draft, path) != 0) {
        is_done = false;
        failure = errno;
    }
    fault("history.renamed");
    if (!is_done) {
        unlink(draft);
        errno = failure;
        return false;
    }
    return flush_folder(folder);
}

err history_file_write(const char *folder, const history_part *p, size_t *bytes, diag *why) {
    char name[HISTORY_NAME_BYTES], path[PATH_BYTES], draft[PATH_BYTES];
    unsigned char *data = NULL;
    size_t n = 0;
    history_file_name(p, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int length = snprintf(draft, sizeof draft, "%s/%s.draft", folder, name);
    if (length < 0 || (size_t)length >= sizeof draft)
        return diag_set(why, ERR_TOO_BIG, "%s: the path is too long", folder);
    err e = history_file_encode(p, &data, &n);
    if (e != OK) return diag_set(why, e, "%s: %s", path, error_text(e));
    if (!put_file(folder, draft, path, data, n))
        e = diag_set(why, ERR_IO, "cannot write %s: %s; the file is as it was", path, strerror(errno));
    free(data);
    if (e == OK && bytes) *bytes = n;
    return e;
}

/* ---- reading ---- */

/* ERR_INVALID, so that it can be the result of whoever found it. */
static err find_fault(reading *r, const char *sentence) {
    r->has_findings = true;
    if (r->on_finding)
        r->is_enough = !r->on_finding(r->context, sentence);
    else if (!r->is_enough) {
        (void)diag_set(r->why, ERR_INVALID, "%s", sentence);
        r->is_enough = true;
    }
    return ERR_INVALID;
}

static err find_damage(reading *r, const char *found, const char *expected) {
    diag sentence;
    (void)diag_set(&sentence, ERR_INVALID, "%s: found %s; expected %s", r->path, found, expected);
    return find_fault(r, sentence.text);
}

static bool read_name(json_reader *j, char *out, size_t room) {
    json_slice s;
    if (!json_string(j, &s) || s.has_escape || s.bytes == 0 || s.bytes >= room) return false;
    memcpy(out, s.at, s.bytes);
    out[s.bytes] = 0;
    return true;
}

static bool read_interval(json_reader *j, int32_t *interval) {
    json_slice s;
    if (!json_string(j, &s)) return false;
    *interval = interval_parse(s.at, s.bytes);
    return *interval >= 0;
}

static bool read_holes(json_reader *j, span_list *holes) {
    if (!json_enter_array(j)) return false;
    while (json_next_item(j)) {
        int64_t from_ms = 0, to_ms = 0;
        bool is_pair = json_enter_array(j) && json_next_item(j) && json_int64(j, &from_ms) && json_next_item(j) &&
                       json_int64(j, &to_ms) && !json_next_item(j);
        bool is_later = holes->count == 0 || from_ms > holes->items[holes->count - 1].to_ms;
        if (!is_pair || from_ms >= to_ms || !is_later || span_list_add(holes, from_ms, to_ms) != OK) return false;
    }
    return true;
}

static bool read_json(heading *h) {
    json_reader j;
    json_slice key;
    json_reader_init(&j, h->json, h->json_bytes);
    if (!json_enter_object(&j)) return false;
    while (json_next_key(&j, &key)) {
        bool is_good = true;
        if (json_equals(key, "format"))
            is_good = json_int64(&j, &h->format);
        else if (json_equals(key, "market"))
            is_good = read_name(&j, h->market, sizeof h->market);
        else if (json_equals(key, "symbol"))
            is_good = read_name(&j, h->symbol, sizeof h->symbol);
        else if (json_equals(key, "interval"))
            is_good = read_interval(&j, &h->interval);
        else if (json_equals(key, "from"))
            is_good = json_int64(&j, &h->from_ms);
        else if (json_equals(key, "bars"))
            is_good = json_int64(&j, &h->n_bars);
        else if (json_equals(key, "holes"))
            is_good = read_holes(&j, &h->holes);
        else
            is_good = json_skip(&j);
        if (!is_good) return false;
    }
    return json_finish(&j) && h->format == FORMAT && h->market[0] && h->symbol[0] && h->interval >= 0 &&
           h->from_ms >= 0 && h->n_bars >= 0;
}

static bool are_holes_sound(const heading *h) {
    for (size_t i = 0; i < h->holes.count; i++) {
        const span *s = &h->holes.items[i];
        if (s->from_ms < h->from_ms || interval_floor(h->interval, s->from_ms) != s->from_ms ||
            interval_floor(h->interval, s->to_ms) != s->to_ms ||
            s->to_ms > history_first_open(h->interval, history_period_next(h->interval, h->from_ms)))
            return false;
    }
    return true;
}

/* As it is written: small letters. */
static bool read_digest(const char *text, unsigned char out[SHA256_BYTES]) {
    char again[SHA256_TEXT_BYTES];
    if (sha256_parse(text, DIGEST_TEXT_BYTES, out) != OK) return false;
    sha256_text(out, again);
    return memcmp(again, text, DIGEST_TEXT_BYTES) == 0;
}

static err read_heading(reading *r, const unsigned char *data, size_t bytes, heading *out) {
    uint32_t head[2] = {0, 0};
    *out = (heading){.interval = -1, .from_ms = -1, .n_bars = -1};
    if (bytes >= FRAME_HEAD_BYTES) memcpy(head, data, FRAME_HEAD_BYTES);
    if (head[0] != HEADING_MAGIC) return find_damage(r, "no heading", "a file of the history store");
    if (head[1] > bytes - FRAME_HEAD_BYTES || head[1] > HEADING_MOST_BYTES)
        return find_damage(r, "a heading that is cut off", "a whole one");
    const char *text = (const char *)data + FRAME_HEAD_BYTES;
    out->json = text + DIGEST_TEXT_BYTES + 1;
    out->json_bytes = head[1] < DIGEST_TEXT_BYTES + 2 ? 0 : head[1] - DIGEST_TEXT_BYTES - 2;
    out->frame_at = FRAME_HEAD_BYTES + head[1];
    if (out->json_bytes == 0 || !read_digest(text, out->digest) || text[DIGEST_TEXT_BYTES] != ' ' ||
        text[head[1] - 1] != '\n' || !read_json(out))
        return find_damage(r, "a damaged heading", "SHA-256, format 1, market, symbol, interval, from, bars, holes");
    if (history_period_floor(out->interval, out->from_ms) != out->from_ms)
        return find_damage(r, "a heading with a time within a period", "the start of one");
    return are_holes_sound(out) ? OK
                                : find_damage(r, "holes that begin or end within a bar", "whole bars of the period");
}

static bool is_in_hole(const span_list *holes, int64_t ms) {
    size_t i = span_list_find(holes, ms);
    return i < holes->count && holes->items[i].from_ms <= ms;
}

/* NULL, or what was expected of a row whose values are sound. */
static const char *misplaced(const history_part *p, const kline *bar, int64_t previous_ms) {
    if (bar->open_ms <= previous_ms) return "a later open_time than the line before";
    if (bar->open_ms < p->from_ms || bar->open_ms >= p->to_ms) return "a bar of the file's period";
    return is_in_hole(&p->holes, bar->open_ms) ? "no bar there: the heading says that it is a hole" : NULL;
}

/* One line without its end; line 1 has the names. ERR_SYNTAX with a sentence. */
static err take_line(const kline_csv_place *at, const char *line, size_t bytes, history_part *p, int64_t *previous_ms) {
    kline bar;
    if (at->line == 1) {
        bool is_names = bytes == strlen(kline_csv_names) && memcmp(line, kline_csv_names, bytes) == 0;
        return is_names ? OK : kline_csv_refuse(at, line, bytes, kline_csv_names);
    }
    err e = kline_csv_read(at, p->interval, line, bytes, &bar);
    if (e != OK) return e;
    const char *expected = misplaced(p, &bar, *previous_ms);
    if (expected) return kline_csv_refuse(at, line, bytes, expected);
    *previous_ms = bar.open_ms;
    return kline_list_push(&p->bars, &bar);
}

/* Rows that are sound go into the part, also behind one that is not. */
static err read_rows(reading *r, const char *rows, size_t bytes, history_part *p) {
    diag sentence;
    kline_csv_place at = {r->path, 0, &sentence};
    const char *end = rows + bytes;
    int64_t previous_ms = INT64_MIN;
    if (bytes == 0) return find_damage(r, "no rows", kline_csv_names);
    while (rows < end && !r->is_enough) {
        const char *stop = memchr(rows, '\n', (size_t)(end - rows)), *line = rows;
        size_t line_bytes = (size_t)((stop ? stop : end) - rows);
        rows = stop ? stop + 1 : end;
        at.line++;
        err e = stop ? take_line(&at, line, line_bytes, p, &previous_ms)
                     : kline_csv_refuse(&at, line, line_bytes, "a line end");
        if (e == ERR_NO_MEMORY) return e;
        if (e != OK) (void)find_fault(r, sentence.text);
    }
    return OK;
}

/* The line from which on a damaged frame cannot be unpacked. */
static void find_broken_frame(reading *r, const unsigned char *frame, size_t bytes, size_t n_bars) {
    unsigned char *rows = NULL;
    size_t rows_bytes = 0, n_lines = 0;
    diag sentence;
    packing_unpack_front(frame, bytes, ROWS_MOST_BYTES, &rows, &rows_bytes);
    for (size_t i = 0; i < rows_bytes; i++) n_lines += rows[i] == '\n';
    free(rows);
    (void)diag_set(&sentence, ERR_INVALID,
                   "%s:%zu: found damaged bytes from here on, or before; expected %zu lines with their checksum",
                   r->path, n_lines < n_bars ? n_lines + 1 : n_bars + 1, n_bars + 1);
    (void)find_fault(r, sentence.text);
}

static void find_other_digest(reading *r, const unsigned char *digest, const unsigned char *wanted) {
    char found[SHA256_TEXT_BYTES + 8] = "SHA-256 ", expected[SHA256_TEXT_BYTES];
    sha256_text(digest, found + strlen(found));
    sha256_text(wanted, expected);
    (void)find_damage(r, found, expected);
}

static err decode(reading *r, const unsigned char *data, size_t bytes, history_part *out) {
    heading h;
    unsigned char *rows = NULL, digest[SHA256_BYTES];
    size_t rows_bytes = 0;
    *out = (history_part){.interval = -1};
    err e = read_heading(r, data, bytes, &h);
    if (e != OK) {
        span_list_free(&h.holes);
        return e;
    }
    history_part_init(out, h.market, h.symbol, h.interval, h.from_ms);
    out->holes = h.holes;
    const unsigned char *frame = data + h.frame_at;
    size_t frame_bytes = bytes - h.frame_at;
    e = sha256_of(h.json, h.json_bytes, frame, frame_bytes, digest);
    if (e == OK) e = packing_unpack(frame, frame_bytes, ROWS_MOST_BYTES, &rows, &rows_bytes);
    if (e == ERR_INVALID || e == ERR_TOO_BIG)
        find_broken_frame(r, frame, frame_bytes, (size_t)h.n_bars);
    else if (e == OK && memcmp(digest, h.digest, SHA256_BYTES) != 0)
        find_other_digest(r, digest, h.digest);
    if (e == OK) e = read_rows(r, (const char *)rows, rows_bytes, out);
    if (e == OK && !r->has_findings && out->bars.count != (size_t)h.n_bars) {
        char found[48], expected[48];
        snprintf(found, sizeof found, "%zu bars", out->bars.count);
        snprintf(expected, sizeof expected, "%lld, as the heading says", (long long)h.n_bars);
        (void)find_damage(r, found, expected);
    }
    free(rows);
    return e;
}

static err read_all(const char *path, unsigned char **data, size_t *bytes, diag *why) {
    struct stat status;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *data = NULL;
    *bytes = 0;
    if (fd < 0)
        return diag_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path, strerror(errno));
    err e = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? OK : ERR_IO;
    if (e == OK && status.st_size > FILE_MOST_BYTES) e = ERR_TOO_BIG;
    if (e == OK && !(*data = malloc((size_t)status.st_size + 1))) e = ERR_NO_MEMORY;
    while (e == OK && *bytes < (size_t)status.st_size && got > 0) {
        got = read(fd, *data + *bytes, (size_t)status.st_size - *bytes);
        if (got > 0) *bytes += (size_t)got;
    }
    if (got < 0) e = ERR_IO;
    if (e != OK) (void)diag_set(why, e, "cannot read %s: %s", path, got < 0 ? strerror(errno) : error_text(e));
    close(fd);
    if (e != OK) free(*data);
    return e;
}

err history_file_decode(const unsigned char *data, size_t bytes, const char *path, history_part *out, diag *why) {
    reading r = {.path = path, .why = why};
    err e = decode(&r, data, bytes, out);
    if (r.has_findings) e = ERR_INVALID;
    if (e != OK && !r.has_findings) (void)diag_set(why, e, "%s: %s", path, error_text(e));
    if (e != OK) history_part_deinit(out);
    return e;
}

err history_file_read(const char *path, history_part *out, diag *why) {
    unsigned char *data;
    size_t bytes;
    *out = (history_part){.interval = -1};
    err e = read_all(path, &data, &bytes, why);
    if (e != OK) return e;
    e = history_file_decode(data, bytes, path, out, why);
    free(data);
    return e;
}

err history_file_check(const char *path, history_finding_fn on_finding, void *context, history_part *out, diag *why) {
    unsigned char *data;
    size_t bytes;
    *out = (history_part){.interval = -1};
    err e = read_all(path, &data, &bytes, why);
    if (e != OK) return e;
    reading r = {.path = path, .on_finding = on_finding, .context = context, .why = why};
    e = decode(&r, data, bytes, out);
    free(data);
    return r.has_findings ? OK : e;
}

err history_file_interval(const char *path, int32_t *interval, diag *why) {
    unsigned char *data;
    size_t bytes;
    heading h;
    reading r = {.path = path, .why = why};
    err e = read_all(path, &data, &bytes, why);
    if (e != OK) return e;
    e = read_heading(&r, data, bytes, &h);
    if (e == OK) *interval = h.interval;
    span_list_free(&h.holes);
    free(data);
    return e;
}
