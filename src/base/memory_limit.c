/* In version 2 each group on the way up to the root may have a limit of its own. In a container the root of what is mounted is the
 * container's group, while its path may be told as "/". */
#include "base/memory_limit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, TEXT_BYTES = 8192 };
#define ROOT "/sys/fs/cgroup"

static bool read_text(const char *path, char *text, size_t bytes) {
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, bytes - 1, file) : 0;
    if (file) fclose(file);
    text[n] = 0;
    return n > 0;
}

uint64_t memory_limit_parse(const char *text) {
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') return UINT64_MAX;
    uint64_t bytes = strtoull(text, &end, 10);
    bool is_number = errno == 0 && (*end == 0 || *end == '\n');
    return is_number ? bytes : UINT64_MAX;
}

void memory_limit_group(const char *text, char *path, size_t bytes) {
    *path = 0;
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, "0::", 3) != 0) continue;
        snprintf(path, bytes, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
        return;
    }
}

static void lower(uint64_t *limit, const char *path) {
    char text[64];
    uint64_t bytes = read_text(path, text, sizeof text) ? memory_limit_parse(text) : UINT64_MAX;
    if (bytes < *limit) *limit = bytes;
}

static uint64_t least_of_groups(void) {
    char text[TEXT_BYTES], group[PATH_BYTES], path[sizeof ROOT + PATH_BYTES + 16];
    uint64_t limit = UINT64_MAX;
    lower(&limit, ROOT "/memory/memory.limit_in_bytes"); /* version 1 */
    if (!read_text("/proc/self/cgroup", text, sizeof text)) return limit;
    memory_limit_group(text, group, sizeof group);
    for (;;) {
        snprintf(path, sizeof path, ROOT "%s/memory.max", group);
        lower(&limit, path);
        if (!strrchr(group, '/')) return limit;
        *strrchr(group, '/') = 0;
    }
}

uint64_t memory_limit_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t there = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
    uint64_t limit = least_of_groups();
    return limit < there || there == 0 ? (limit == UINT64_MAX ? 0 : limit) : there;
}
