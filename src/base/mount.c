/* A line of mountinfo (proc(5)):
 *
 *     36 35 98:0 /root/in/its/device /mount/point rw,noatime master:1 - ext4 /dev/vda rw
 *
 * Blanks within the names are \040. Of several that fit, the longest mount point holds the path, and of equal ones the last. */
#include "base/mount.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INFO_BYTES = 1 << 16, ANONYMOUS_DIGITS = 64 };

typedef struct mount_line {
    char root[1024], point[1024], type[64];
} mount_line;

static bool read_line(const char *line, mount_line *m) {
    const char *dash = strstr(line, " - "), *end = strchr(line, '\n');
    if (!dash || (end && dash > end)) return false;
    return sscanf(line, "%*s %*s %*s %1023s %1023s", m->root, m->point) == 2 && sscanf(dash, " - %63s", m->type) == 1;
}

static bool holds(const char *point, const char *path) {
    size_t n = strlen(point);
    if (n == 1) return true; /* "/" */
    return strncmp(path, point, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* docker run without -v makes one for an image's VOLUME, in .../volumes/<64 digits>/_data, and never uses it again. */
static bool is_anonymous(const char *root) {
    const char *at = strstr(root, "/volumes/");
    if (!at) return false;
    at += strlen("/volumes/");
    return strspn(at, "0123456789abcdef") == ANONYMOUS_DIGITS && strcmp(at + ANONYMOUS_DIGITS, "/_data") == 0;
}

bool mount_is_lasting(const char *mountinfo, const char *path, bool resets_root) {
    static const char *const passing[] = {"overlay", "tmpfs", "ramfs"};
    mount_line best = {.root = "/", .point = ""}, m;
    for (const char *line = mountinfo; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (read_line(line, &m) && holds(m.point, path) && strlen(m.point) >= strlen(best.point)) best = m;
    }
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(best.type, passing[i]) == 0) return false;
    return !is_anonymous(best.root) && !(resets_root && strcmp(best.point, "/") == 0);
}

bool mount_is_lasting_here(const char *path, bool resets_root) {
    char *text = calloc(1, INFO_BYTES), place[PATH_MAX];
    FILE *file = text && realpath(path, place) ? fopen("/proc/self/mountinfo", "re") : NULL;
    bool is_lasting = true;
    if (file) {
        /* What does not fit is cut off: the rest of a last line lacks its dash or is one more mount. */
        if (fread(text, 1, INFO_BYTES - 1, file) > 0) is_lasting = mount_is_lasting(text, place, resets_root);
        fclose(file);
    }
    free(text);
    return is_lasting;
}
