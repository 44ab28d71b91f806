/* See packing.h. The fastest level: bars and states are written every few minutes, read once. */
#include "base/packing.h"
#include <stdlib.h>
#include <zstd.h>

enum { LEVEL = 1 };

err packing_pack(const void *data, size_t bytes, unsigned char **out, size_t *out_bytes) {
    size_t room = ZSTD_compressBound(bytes), n;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    unsigned char *frame = malloc(room);
    err e = context && frame ? OK : ERR_NO_MEMORY;
    if (e == OK) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        n = ZSTD_compress2(context, frame, room, data, bytes);
        if (ZSTD_isError(n)) e = ERR_NO_MEMORY; /* with room for the worst case nothing else can be wrong */
    }
    ZSTD_freeCCtx(context);
    if (e != OK) {
        free(frame);
        return e;
    }
    *out = frame;
    *out_bytes = n;
    return OK;
}

err packing_unpack(const void *frame, size_t frame_bytes, size_t most, unsigned char **out, size_t *out_bytes) {
    unsigned long long bytes = ZSTD_getFrameContentSize(frame, frame_bytes);
    unsigned char *data;
    size_t n;
    if (bytes == ZSTD_CONTENTSIZE_UNKNOWN || bytes == ZSTD_CONTENTSIZE_ERROR) return ERR_INVALID;
    if (bytes > most) return ERR_TOO_BIG;
    data = malloc((size_t)bytes + 1);
    if (!data) return ERR_NO_MEMORY;
    n = ZSTD_decompress(data, (size_t)bytes, frame, frame_bytes);
    if (ZSTD_isError(n) || n != bytes) {
        free(data);
        return ERR_INVALID;
    }
    *out = data;
    *out_bytes = n;
    return OK;
}

void packing_unpack_front(const void *frame, size_t frame_bytes, size_t most, unsigned char **out, size_t *out_bytes) {
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {frame, frame_bytes, 0};
    size_t room = ZSTD_DStreamOutSize(), used = 0, code = 1;
    unsigned char *data = context ? malloc(room) : NULL;
    *out = data;
    *out_bytes = 0;
    while (data && !ZSTD_isError(code) && code != 0 && used < most) {
        ZSTD_outBuffer part = {data, room, used};
        size_t before = in.pos;
        code = ZSTD_decompressStream(context, &part, &in);
        bool is_stuck = part.pos == used && in.pos == before;
        used = part.pos;
        if (ZSTD_isError(code) || is_stuck) break;
        if (used == room) {
            unsigned char *larger = realloc(data, 2 * room);
            if (!larger) break;
            *out = data = larger;
            room *= 2;
        }
    }
    ZSTD_freeDCtx(context);
    *out_bytes = used;
}
