/* An archive is read from its end:
 *
 *   file header, name, data | [data descriptor] | central directory: one record | [zip64 end, its locator] | end record
 *
 * The central directory counts; the file's own header, which says the same, is only compared with it. What stands
 * between the data and the directory is a descriptor that repeats CRC and sizes, so at most that many bytes. */
#include "base/zip.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    DESCRIPTOR_MOST_BYTES = 24,
    FLAG_ENCRYPTED = 1,
    FLAG_DESCRIPTOR = 8,
    STORED = 0,
    DEFLATED = 8,
    DEFLATE_MOST = 1032, /* bytes that one packed byte may stand for */
    ZIP64_FIELD = 1
};
static const uint32_t LOCAL_MARK = 0x04034b50, CENTRAL_MARK = 0x02014b50, END_MARK = 0x06054b50,
                      END64_MARK = 0x06064b50, LOCATOR_MARK = 0x07064b50;

typedef struct archive {
    const unsigned char *data;
    size_t bytes;
    diag *why;
} archive;

typedef struct directory {
    uint64_t at, bytes, end; /* `end`: where the next record must begin */
    uint64_t n_files;
} directory;

static uint32_t u16(const unsigned char *at) { return (uint32_t)(at[0] | at[1] << 8); }
static uint32_t u32(const unsigned char *at) { return u16(at) | u16(at + 2) << 16; }
static uint64_t u64(const unsigned char *at) { return u32(at) | (uint64_t)u32(at + 4) << 32; }

static err refuse(const archive *a, const char *found, const char *expected) {
    return diag_set(a->why, ERR_SYNTAX, "archive: found %s; expected %s", found, expected);
}

/* The end record is the last: its comment ends where the archive ends. */
static err find_end(const archive *a, size_t *at) {
    size_t first = a->bytes > END_BYTES + UINT16_MAX ? a->bytes - END_BYTES - UINT16_MAX : 0;
    if (a->bytes < END_BYTES) return refuse(a, "too few bytes", "a ZIP archive");
    for (*at = a->bytes - END_BYTES;; --*at) {
        const unsigned char *p = a->data + *at;
        if (u32(p) == END_MARK && *at + END_BYTES + u16(p + 20) == a->bytes) return OK;
        if (*at == first) return refuse(a, "no end record", "a whole ZIP archive (is it cut off?)");
    }
}

/* The fields of the end record that are all ones stand in the zip64 record, which a locator before the end points to. */
static err read_end64(const archive *a, size_t end_at, directory *out) {
    if (end_at < LOCATOR_BYTES + END64_BYTES) return refuse(a, "no room for a zip64 end record", "one");
    const unsigned char *locator = a->data + end_at - LOCATOR_BYTES;
    uint64_t at = u64(locator + 8);
    if (u32(locator) != LOCATOR_MARK || u32(locator + 4) != 0 || u32(locator + 16) != 1)
        return refuse(a, "no zip64 locator", "one before the end record");
    if (at > end_at - LOCATOR_BYTES - END64_BYTES) return refuse(a, "a zip64 end record out of place", "one within");
    const unsigned char *p = a->data + at;
    if (u32(p) != END64_MARK || at + 12 + u64(p + 4) != end_at - LOCATOR_BYTES)
        return refuse(a, "no zip64 end record where the locator points", "one");
    if (u32(p + 16) != 0 || u32(p + 20) != 0 || u64(p + 24) != u64(p + 32))
        return diag_set(a->why, ERR_UNSUPPORTED, "archive: it is a part of several; expected one");
    *out = (directory){.n_files = u64(p + 32), .bytes = u64(p + 40), .at = u64(p + 48), .end = at};
    return OK;
}

static err read_end(const archive *a, directory *out) {
    size_t at = 0;
    err e = find_end(a, &at);
    if (e != OK) return e;
    const unsigned char *p = a->data + at;
    bool is_zip64 = u16(p + 10) == UINT16_MAX || u32(p + 12) == UINT32_MAX || u32(p + 16) == UINT32_MAX;
    if (u16(p + 4) != 0 || u16(p + 6) != 0 || u16(p + 8) != u16(p + 10))
        return diag_set(a->why, ERR_UNSUPPORTED, "archive: it is a part of several; expected one");
    *out = (directory){.n_files = u16(p + 10), .bytes = u32(p + 12), .at = u32(p + 16), .end = at};
    if (is_zip64) e = read_end64(a, at, out);
    if (e != OK) return e;
    if (out->n_files != 1)
        return diag_set(a->why, ERR_UNSUPPORTED, "archive: found %llu files; expected one",
                        (unsigned long long)out->n_files);
    if (out->at > out->end || out->bytes != out->end - out->at || out->bytes < CENTRAL_BYTES)
        return refuse(a, "a directory out of place", "one right before the end record");
    return OK;
}

/* Sizes and place of the file: in the record, or, where that is all ones, in the next eight bytes of its zip64 field. */
static err read_sizes(const archive *a, const unsigned char *record, const unsigned char *extra, size_t extra_bytes,
                      uint64_t *bytes, uint64_t *packed_bytes, uint64_t *at) {
    uint64_t *const wanted[] = {bytes, packed_bytes, at};
    const unsigned char *field = NULL;
    size_t left = 0;
    *packed_bytes = u32(record + 20);
    *bytes = u32(record + 24);
    *at = u32(record + 42);
    for (size_t i = 0; i + 4 <= extra_bytes;) {
        size_t part = u16(extra + i + 2);
        if (part > extra_bytes - i - 4) return refuse(a, "an extra field that is too long", "one within its record");
        if (u16(extra + i) == ZIP64_FIELD && !field) {
            field = extra + i + 4;
            left = part;
        }
        i += 4 + part;
    }
    for (size_t i = 0; i < 3; i++) {
        if (*wanted[i] != UINT32_MAX) continue;
        if (left < 8) return refuse(a, "no zip64 sizes", "a field with them");
        *wanted[i] = u64(field);
        field += 8;
        left -= 8;
    }
    return OK;
}

/* What the file's own header says of a number: the same, nothing yet (a descriptor follows the data), or zip64. */
static bool agrees(uint32_t local, uint64_t central, uint32_t flags) {
    return local == central || (local == 0 && (flags & FLAG_DESCRIPTOR)) || local == UINT32_MAX;
}

static err check_local(const archive *a, const directory *d, uint64_t at, const unsigned char *central,
                       zip_file *file) {
    size_t name_bytes = u16(central + 28);
    if (at > d->at || d->at - at < LOCAL_BYTES) return refuse(a, "a file out of place", "one before the directory");
    const unsigned char *p = a->data + at;
    uint32_t flags = u16(p + 6);
    uint64_t head = LOCAL_BYTES + u16(p + 26) + u16(p + 28), room = d->at - at;
    if (u32(p) != LOCAL_MARK) return refuse(a, "no file header", "one where the directory says");
    if (flags != u16(central + 8) || u16(p + 8) != u16(central + 10) || u16(p + 26) != name_bytes || head > room ||
        memcmp(p + LOCAL_BYTES, central + CENTRAL_BYTES, name_bytes) != 0 || !agrees(u32(p + 14), file->crc, flags) ||
        !agrees(u32(p + 18), file->packed_bytes, flags) || !agrees(u32(p + 22), file->bytes, flags))
        return refuse(a, "a file header that differs from the directory", "the same");
    if (file->packed_bytes > room - head) return refuse(a, "data that reaches into the directory", "data before it");
    uint64_t behind = room - head - file->packed_bytes;
    if (behind > (flags & FLAG_DESCRIPTOR ? DESCRIPTOR_MOST_BYTES : 0))
        return refuse(a, "bytes that belong to nothing", "the directory right behind the data");
    file->packed = p + head;
    return OK;
}

err zip_find(const void *data, size_t bytes, zip_file *out, diag *why) {
    archive a = {data, bytes, why};
    directory d = {.at = 0};
    uint64_t at = 0, unpacked = 0, packed = 0;
    *out = (zip_file){.packed = NULL};
    err e = read_end(&a, &d);
    if (e != OK) return e;
    const unsigned char *p = a.data + d.at;
    uint64_t name_bytes = u16(p + 28), extra_bytes = u16(p + 30);
    if (u32(p) != CENTRAL_MARK || CENTRAL_BYTES + name_bytes + extra_bytes + u16(p + 32) != d.bytes)
        return refuse(&a, "a directory that is not one record", "one");
    if (u16(p + 8) & FLAG_ENCRYPTED) return diag_set(why, ERR_UNSUPPORTED, "archive: its file is encrypted");
    if (u16(p + 10) != STORED && u16(p + 10) != DEFLATED)
        return diag_set(why, ERR_UNSUPPORTED, "archive: found packing method %u; expected 0 or 8", u16(p + 10));
    if (name_bytes == 0 || name_bytes >= ZIP_NAME_BYTES || memchr(p + CENTRAL_BYTES, 0, name_bytes))
        return refuse(&a, "no usable name of its file", "one of 1 to 255 bytes");
    e = read_sizes(&a, p, p + CENTRAL_BYTES + name_bytes, extra_bytes, &unpacked, &packed, &at);
    if (e != OK) return e;
    memcpy(out->name, p + CENTRAL_BYTES, name_bytes);
    out->crc = u32(p + 16);
    out->is_deflated = u16(p + 10) == DEFLATED;
    out->packed_bytes = packed;
    out->bytes = unpacked;
    if (!out->is_deflated && packed != unpacked) return refuse(&a, "stored data of two sizes", "one size");
    if (unpacked / DEFLATE_MOST > packed) return refuse(&a, "more bytes than the data can hold", "its true size");
    return check_local(&a, &d, at, p, out);
}

static err inflate_all(const zip_file *file, char *to, diag *why) {
    z_stream stream = {.next_in = (unsigned char *)file->packed, .next_out = (unsigned char *)to};
    size_t in_left = file->packed_bytes, out_left = file->bytes;
    int code;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    do { /* zlib counts in 32 bits */
        uInt in = in_left < UINT32_MAX ? (uInt)in_left : UINT32_MAX;
        uInt out = out_left < UINT32_MAX ? (uInt)out_left : UINT32_MAX;
        stream.avail_in = in;
        stream.avail_out = out;
        code = inflate(&stream, Z_NO_FLUSH);
        in_left -= in - stream.avail_in;
        out_left -= out - stream.avail_out;
        if (in == stream.avail_in && out == stream.avail_out) break;
    } while (code == Z_OK);
    inflateEnd(&stream);
    if (code == Z_MEM_ERROR) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (code == Z_STREAM_END && in_left == 0 && out_left == 0) return OK;
    return diag_set(why, ERR_SYNTAX, "archive: found damaged data at byte %zu of %s; expected %zu bytes in all",
                    file->bytes - out_left, file->name, file->bytes);
}

err zip_unpack(const zip_file *file, size_t most, char **out, diag *why) {
    if (file->bytes > most)
        return diag_set(why, ERR_TOO_BIG, "archive: found %zu bytes in %s; expected at most %zu", file->bytes,
                        file->name, most);
    char *text = malloc(file->bytes + 1);
    if (!text) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    err e = OK;
    if (file->is_deflated)
        e = inflate_all(file, text, why);
    else
        memcpy(text, file->packed, file->bytes);
    if (e == OK) {
        uint32_t crc = (uint32_t)crc32_z(0, (unsigned char *)text, file->bytes);
        if (crc != file->crc)
            e = diag_set(why, ERR_SYNTAX, "archive: found CRC-32 %08x of %s; expected %08x", crc, file->name,
                         file->crc);
    }
    if (e != OK) {
        free(text);
        return e;
    }
    text[file->bytes] = 0;
    *out = text;
    return OK;
}
