/* See snapshot_file.h. */
#include "sync/snapshot_file.h"
#include "indicator/indicator_set_save.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC_BYTES = 8, DIGEST_BYTES = 32, ORIGIN_BYTES = 256, PATH_BYTES = 4096, CHUNK_BYTES = 1 << 20 };
static const size_t FILE_MOST = (size_t)4 << 30;
static const char MAGIC[MAGIC_BYTES] = {'T', 'M', 'S', 'N', 'A', 'P', '\r', '\n'};

/* The first bytes of the file. Later formats keep magic and format where they are. */
typedef struct heading {
    char magic[MAGIC_BYTES];
    uint32_t format, indicators, n_symbols, spare;
    uint64_t body_bytes;
    char market[ORIGIN_BYTES], source[ORIGIN_BYTES]; /* the rest is zero */
    unsigned char body[DIGEST_BYTES];
    unsigned char heading[DIGEST_BYTES]; /* of all before it */
} heading;

_Static_assert(sizeof(heading) == 8 + 16 + 8 + 2 * ORIGIN_BYTES + 2 * DIGEST_BYTES, "no padding in a file");

typedef struct entry {
    char name[SYMBOL_BYTES];
    const unsigned char *data;
    size_t bytes;
} entry;

struct snapshot_file {
    unsigned char *data;
    size_t bytes;
    entry *entries; /* sorted by name */
    uint32_t count;
};

struct snapshot_draft {
    char folder[PATH_BYTES], path[PATH_BYTES];
    int fd;
    EVP_MD_CTX *digest;
    heading heading;
};

static err digest_of(const void *data, size_t bytes, unsigned char out[DIGEST_BYTES]) {
    return EVP_Digest(data, bytes, out, NULL, EVP_sha256(), NULL) == 1 ? OK : ERR_NO_MEMORY;
}

/* ---- reading ---- */

typedef enum refusal { REFUSAL_DAMAGED, REFUSAL_OUTDATED, REFUSAL_FOREIGN, N_REFUSALS } refusal;
static const char *const SUFFIXES[N_REFUSALS] = {"damaged", "outdated", "foreign"};

static err refuse(refusal *as, refusal kind, diag *why, const char *text) {
    *as = kind;
    return diag_set(why, ERR_INVALID, "%s", text);
}

static bool is_text(const char text[ORIGIN_BYTES], const char *wanted) {
    return memchr(text, 0, ORIGIN_BYTES) && strncmp(text, wanted, ORIGIN_BYTES - 1) == 0;
}

/* Damage first: what a damaged heading says means nothing. */
static err check_heading(const heading *h, size_t bytes, const snapshot_origin *origin, refusal *as, diag *why) {
    unsigned char digest[DIGEST_BYTES];
    char text[3 * ORIGIN_BYTES];
    if (bytes < MAGIC_BYTES + sizeof h->format) return refuse(as, REFUSAL_DAMAGED, why, "it is cut off");
    if (memcmp(h->magic, MAGIC, MAGIC_BYTES) != 0) return refuse(as, REFUSAL_FOREIGN, why, "it is no snapshot");
    if (h->format != SNAPSHOT_VERSION) {
        snprintf(text, sizeof text, "its format is %u; expected %d", h->format, SNAPSHOT_VERSION);
        return refuse(as, REFUSAL_OUTDATED, why, text);
    }
    if (bytes < sizeof *h) return refuse(as, REFUSAL_DAMAGED, why, "it is cut off");
    if (digest_of(h, offsetof(heading, heading), digest) != OK) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (memcmp(digest, h->heading, DIGEST_BYTES) != 0)
        return refuse(as, REFUSAL_DAMAGED, why, "its heading is damaged (SHA-256)");
    if (h->indicators != INDICATOR_VERSION) {
        snprintf(text, sizeof text, "its indicators are of version %u; expected %d", h->indicators, INDICATOR_VERSION);
        return refuse(as, REFUSAL_OUTDATED, why, text);
    }
    if (!origin) return OK;
    if (is_text(h->market, origin->market) && is_text(h->source, origin->source)) return OK;
    snprintf(text, sizeof text, "it is of market %.*s of %.*s; expected %.16s of %.200s", 16, h->market, 200, h->source,
             origin->market, origin->source);
    return refuse(as, REFUSAL_FOREIGN, why, text);
}

static err check_body(const snapshot_file *f, const heading *h, refusal *as, diag *why) {
    unsigned char digest[DIGEST_BYTES];
    if (h->body_bytes != f->bytes - sizeof *h)
        return refuse(as, REFUSAL_DAMAGED, why,
                      h->body_bytes > f->bytes - sizeof *h ? "it is cut off" : "something stands behind its end");
    if (digest_of(f->data + sizeof *h, f->bytes - sizeof *h, digest) != OK)
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    return memcmp(digest, h->body, DIGEST_BYTES) == 0 ? OK
                                                      : refuse(as, REFUSAL_DAMAGED, why, "it is damaged (SHA-256)");
}

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static err list_entries(snapshot_file *f, uint32_t count, refusal *as, diag *why) {
    byte_reader r = byte_reader_of(f->data + sizeof(heading), f->bytes - sizeof(heading));
    if (count > r.left / 8) return refuse(as, REFUSAL_DAMAGED, why, "it has more symbols than room for them");
    f->entries = calloc((size_t)count + 1, sizeof *f->entries);
    if (!f->entries) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (; f->count < count; f->count++) {
        entry *to = &f->entries[f->count];
        byte_reader part;
        byte_get_text(&r, to->name, sizeof to->name);
        part = byte_get_part(&r);
        to->data = part.at;
        to->bytes = part.left;
        if (r.has_failed) break;
    }
    if (r.has_failed || r.left > 0) return refuse(as, REFUSAL_DAMAGED, why, "its symbols are not where they should be");
    qsort(f->entries, f->count, sizeof *f->entries, by_name);
    return OK;
}

static err parse(unsigned char *data, size_t bytes, const snapshot_origin *origin, snapshot_file **out, refusal *as,
                 diag *why) {
    snapshot_file *f = calloc(1, sizeof *f);
    heading h = {.format = 0};
    err e;
    if (!f) {
        free(data);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    f->data = data;
    f->bytes = bytes;
    memcpy(&h, data, bytes < sizeof h ? bytes : sizeof h);
    e = check_heading(&h, bytes, origin, as, why);
    if (e == OK) e = check_body(f, &h, as, why);
    if (e == OK) e = list_entries(f, h.n_symbols, as, why);
    if (e == OK)
        *out = f;
    else
        snapshot_file_free(f);
    return e;
}

err snapshot_file_parse(unsigned char *data, size_t bytes, const snapshot_origin *origin, snapshot_file **out,
                        diag *why) {
    refusal as = REFUSAL_DAMAGED;
    return parse(data, bytes, origin, out, &as, why);
}

static err read_all(int fd, unsigned char **data, size_t *bytes) {
    struct stat status;
    size_t n = 0;
    ssize_t got = 1;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return ERR_IO;
    if ((uint64_t)status.st_size > FILE_MOST) return ERR_TOO_BIG;
    *data = malloc((size_t)status.st_size + 1);
    if (!*data) return ERR_NO_MEMORY;
    while (n < (size_t)status.st_size && (got = read(fd, *data + n, (size_t)status.st_size - n)) > 0) n += (size_t)got;
    if (got < 0) {
        free(*data);
        return ERR_IO;
    }
    *bytes = n;
    return OK;
}

/* The path of the file, or (suffix) of what has become of one. */
static void path_of(const char *folder, const char *suffix, char out[PATH_BYTES]) {
    snprintf(out, PATH_BYTES, "%.*s/snapshot%s%s", PATH_BYTES - 32, folder, *suffix ? "." : "", suffix);
}

static err load(const char *folder, const snapshot_origin *origin, snapshot_file **out, refusal *as, diag *why) {
    char path[PATH_BYTES];
    unsigned char *data = NULL;
    size_t bytes = 0;
    int fd;
    err e;
    path_of(folder, "", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return diag_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path, strerror(errno));
    e = read_all(fd, &data, &bytes);
    if (e != OK) (void)diag_set(why, e, "cannot read %s: %s", path, error_text(e));
    close(fd);
    if (e != OK) return e;
    e = parse(data, bytes, origin, out, as, why);
    return e == OK ? OK : diag_wrap(why, e, "%s", path);
}

err snapshot_file_look(const char *folder, snapshot_file **out, diag *why) {
    refusal as;
    return load(folder, NULL, out, &as, why);
}

err snapshot_file_read(const char *folder, const snapshot_origin *origin, snapshot_file **out, diag *why) {
    char from[PATH_BYTES], to[PATH_BYTES];
    refusal as = REFUSAL_DAMAGED;
    diag reason;
    err e = load(folder, origin, out, &as, &reason);
    if (e == OK || e == ERR_NOT_FOUND) return e;
    if (e != ERR_INVALID && e != ERR_TOO_BIG) return diag_set(why, e, "%s", reason.text);
    path_of(folder, "", from);
    path_of(folder, SUFFIXES[as], to);
    if (rename(from, to) != 0)
        return diag_set(why, e, "%.700s; it cannot be renamed to %.200s: %s", reason.text, to, strerror(errno));
    return diag_set(why, e, "%.700s; it is %.200s now, and the history is fetched", reason.text, to);
}

void snapshot_file_free(snapshot_file *f) {
    if (!f) return;
    free(f->entries);
    free(f->data);
    free(f);
}

uint32_t snapshot_file_count(const snapshot_file *f) { return f->count; }
size_t snapshot_file_bytes(const snapshot_file *f) { return f->bytes; }

saved_symbol *snapshot_file_get(const snapshot_file *f, uint32_t at) {
    saved_symbol *out = NULL;
    if (at >= f->count) return NULL;
    return saved_symbol_copy(f->entries[at].name, f->entries[at].data, f->entries[at].bytes, &out) == OK ? out : NULL;
}

saved_symbol *snapshot_file_find(const snapshot_file *f, const char *name) {
    entry wanted;
    const entry *found;
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    found = bsearch(&wanted, f->entries, f->count, sizeof wanted, by_name);
    return found ? snapshot_file_get(f, (uint32_t)(found - f->entries)) : NULL;
}

/* ---- writing ---- */

static err write_all(const snapshot_draft *d, const void *data, size_t bytes, diag *why) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = write(d->fd, at, bytes < CHUNK_BYTES ? bytes : CHUNK_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return diag_set(why, ERR_IO, "cannot write %s: %s", d->path, strerror(errno));
        at += n;
        bytes -= (size_t)n;
    }
    return OK;
}

void snapshot_draft_drop(snapshot_draft *d) {
    if (!d) return;
    if (d->fd >= 0) {
        close(d->fd);
        unlink(d->path);
    }
    EVP_MD_CTX_free(d->digest);
    free(d);
}

err snapshot_draft_open(const char *folder, const snapshot_origin *origin, snapshot_draft **out, diag *why) {
    snapshot_draft *d = calloc(1, sizeof *d);
    err e = OK;
    if (!d) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    snprintf(d->folder, sizeof d->folder, "%s", folder);
    path_of(folder, "draft", d->path);
    memcpy(d->heading.magic, MAGIC, MAGIC_BYTES);
    d->heading.format = SNAPSHOT_VERSION;
    d->heading.indicators = INDICATOR_VERSION;
    snprintf(d->heading.market, sizeof d->heading.market, "%s", origin->market);
    snprintf(d->heading.source, sizeof d->heading.source, "%s", origin->source);
    d->fd = open(d->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    d->digest = EVP_MD_CTX_new();
    if (d->fd < 0)
        e = diag_set(why, ERR_IO, "cannot write %s: %s", d->path, strerror(errno));
    else if (!d->digest || EVP_DigestInit_ex(d->digest, EVP_sha256(), NULL) != 1)
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    else
        e = write_all(d, &d->heading, sizeof d->heading, why); /* its place: the numbers come at the end */
    if (e == OK)
        *out = d;
    else
        snapshot_draft_drop(d);
    return e;
}

err snapshot_draft_add(snapshot_draft *d, const saved_symbol *s, diag *why) {
    saved_symbol *packed = NULL;
    byte_writer w;
    err e = saved_symbol_pack(s, &packed);
    byte_writer_init(&w);
    if (e == OK) {
        byte_put_text(&w, packed->name);
        byte_put_u32(&w, (uint32_t)packed->bytes); /* below SAVED_SYMBOL_MOST */
        byte_put_bytes(&w, packed->data, packed->bytes);
        e = byte_writer_result(&w);
    }
    if (e == OK && EVP_DigestUpdate(d->digest, w.data, w.used) != 1) e = ERR_NO_MEMORY;
    if (e != OK)
        (void)diag_set(why, e, "%s: %s", d->path, error_text(e));
    else
        e = write_all(d, w.data, w.used, why);
    if (e == OK) {
        d->heading.n_symbols++;
        d->heading.body_bytes += w.used;
    }
    byte_writer_deinit(&w);
    saved_symbol_free(packed);
    return e;
}

static err flush_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_flushed = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return is_flushed ? OK : ERR_IO;
}

static err complete(snapshot_draft *d, diag *why) {
    char path[PATH_BYTES];
    if (EVP_DigestFinal_ex(d->digest, d->heading.body, NULL) != 1 ||
        digest_of(&d->heading, offsetof(heading, heading), d->heading.heading) != OK)
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    path_of(d->folder, "", path);
    if (pwrite(d->fd, &d->heading, sizeof d->heading, 0) != (ssize_t)sizeof d->heading || fsync(d->fd) != 0 ||
        rename(d->path, path) != 0 || flush_folder(d->folder) != OK)
        return diag_set(why, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    return OK;
}

err snapshot_draft_finish(snapshot_draft *d, size_t *bytes, diag *why) {
    err e = complete(d, why);
    *bytes = sizeof d->heading + d->heading.body_bytes;
    if (e == OK) {
        close(d->fd);
        d->fd = -1;
    }
    snapshot_draft_drop(d);
    return e;
}
