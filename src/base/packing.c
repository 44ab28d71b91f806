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
