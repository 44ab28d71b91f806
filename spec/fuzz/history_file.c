/* Any bytes as a file of the history store; and, since a digest would keep everything else out, as the JSON and the rows of one
 * whose digest is right: the text up to the first zero byte is the JSON, what follows the rows. What is accepted must
 * keep the promises of history_part.h, and come back the same when it is written and read. */
#include "market/history_file.h"
#include "base/packing.h"
#include "base/sha256.h"
#include "market/interval.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void check_part(const history_part *p) {
    require(p->interval >= 0 && p->interval < N_INTERVALS && p->symbol[0] && p->market[0]);
    require(history_period_floor(p->interval, p->from_ms) == p->from_ms);
    for (size_t i = 0; i < p->bars.count; i++) {
        const kline *b = &p->bars.bars[i];
        require(b->open_ms >= p->from_ms && b->open_ms < p->to_ms && (i == 0 || b->open_ms > b[-1].open_ms));
        require(interval_floor(p->interval, b->open_ms) == b->open_ms && b->low > 0 && b->low <= b->high);
    }
    for (size_t i = 0; i < p->holes.count; i++)
        require(interval_floor(p->interval, p->holes.items[i].to_ms) == p->holes.items[i].to_ms);
    for (size_t i = 1; i < p->holes.count; i++) require(p->holes.items[i].from_ms > p->holes.items[i - 1].to_ms);
}

static void check_again(const history_part *p) {
    history_part q;
    unsigned char *data = NULL;
    size_t bytes;
    diag why;
    require(history_file_encode(p, &data, &bytes) == OK);
    require(history_file_decode(data, bytes, "F", &q, &why) == OK && q.bars.count == p->bars.count &&
            q.holes.count == p->holes.count);
    for (size_t i = 0; i < q.bars.count; i++) require(memcmp(&q.bars.bars[i], &p->bars.bars[i], sizeof(kline)) == 0);
    history_part_deinit(&q);
    free(data);
}

static void check_file(const uint8_t *data, size_t bytes) {
    history_part p;
    diag why;
    why.text[0] = 0;
    if (history_file_decode(data, bytes, "F", &p, &why) != OK) {
        require(strncmp(why.text, "F:", 2) == 0 && !p.bars.bars && !p.holes.items);
        return;
    }
    check_part(&p);
    check_again(&p);
    span_list missing = {0};
    require(history_part_missing(&p, p.from_ms, p.to_ms, &missing) == OK);
    span_list_free(&missing);
    history_part_deinit(&p);
}

static void check_contents(const char *json, size_t json_bytes, const char *rows, size_t rows_bytes) {
    unsigned char *frame = NULL, digest[SHA256_BYTES];
    size_t frame_bytes, head_bytes = SHA256_TEXT_BYTES + json_bytes + 1;
    require(packing_pack(rows, rows_bytes, &frame, &frame_bytes) == OK);
    require(sha256_of(json, json_bytes, frame, frame_bytes, digest) == OK);
    uint32_t head[2] = {0x184D2A5B, (uint32_t)head_bytes};
    uint8_t *file = malloc(sizeof head + head_bytes + frame_bytes), *at = file + sizeof head;
    require(file != NULL);
    memcpy(file, head, sizeof head);
    sha256_text(digest, (char *)at);
    at += SHA256_TEXT_BYTES;
    at[-1] = ' ';
    memcpy(at, json, json_bytes);
    at[json_bytes] = '\n';
    memcpy(at + json_bytes + 1, frame, frame_bytes);
    check_file(file, sizeof head + head_bytes + frame_bytes);
    free(file);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    check_file(data, bytes);
    const uint8_t *zero = bytes > 0 ? memchr(data, 0, bytes) : NULL;
    if (!zero) return 0;
    size_t json_bytes = (size_t)(zero - data);
    check_contents((const char *)data, json_bytes, (const char *)zero + 1, bytes - json_bytes - 1);
    return 0;
}
