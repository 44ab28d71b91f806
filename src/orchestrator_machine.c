#include "orchestrator_machine.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static err read_name(const char *path, char out[MACHINE_ID_BYTES], diag *why) {
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return ERR_NOT_FOUND;
    if (!file) return diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    char text[MACHINE_ID_BYTES + 1]; /* a name and its newline */
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    bool failed = ferror(file);
    fclose(file);
    if (failed) return diag_set(why, ERR_IO, "%s: cannot be read", path);
    text[bytes] = 0;
    text[strcspn(text, "\n")] = 0;
    if (!config_is_id(text))
        return diag_set(why, ERR_INVALID,
                        "%s: found no machine name; expected letters, digits and . _ -, at most 63 (delete the file "
                        "for a new name)",
                        path);
    memcpy(out, text, MACHINE_ID_BYTES);
    return OK;
}

static err make_name(char out[MACHINE_ID_BYTES], diag *why) {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return diag_set(why, ERR_IO, "the system gives no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return OK;
}

/* Written aside and renamed, so that a crash leaves the whole name or none. */
static err write_name(const char *path, const char *id, diag *why) {
    char aside[PATH_MAX + sizeof ".new"], text[MACHINE_ID_BYTES + 1];
    snprintf(aside, sizeof aside, "%s.new", path);
    int length = snprintf(text, sizeof text, "%s\n", id);
    int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return diag_set(why, ERR_IO, "%s: %s", aside, strerror(errno));
    bool is_written = write(file, text, (size_t)length) == length && fsync(file) == 0;
    int reason = errno;
    close(file);
    if (is_written && rename(aside, path) == 0) return OK;
    if (is_written) reason = errno;
    unlink(aside);
    return diag_set(why, ERR_IO, "%s: %s", path, strerror(reason));
}

err orchestrator_machine_id(const config *cfg, const char *folder, char out[MACHINE_ID_BYTES], diag *why) {
    if (*cfg->machine_id) {
        snprintf(out, MACHINE_ID_BYTES, "%s", cfg->machine_id);
        return OK;
    }
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/machine_id", folder) >= (int)sizeof path)
        return diag_set(why, ERR_TOO_BIG, "%s: the path is too long", folder);
    err e = read_name(path, out, why);
    if (e != ERR_NOT_FOUND) return e;
    e = make_name(out, why);
    return e == OK ? write_name(path, out, why) : e;
}
