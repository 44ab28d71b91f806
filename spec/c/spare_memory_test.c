/* What is given back was resident, and all that was there is there afterwards. */
#include "abi.h"
#include "base/spare_memory.h"
#include "spec/c/tap.h"
#include <stdio.h>
#include <string.h>

static long resident_file_kib(void) {
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return -1;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssFile: %ld kB", &kib) == 1) break;
    fclose(file);
    return kib;
}

int main(void) {
    static const char *const words[] = {"one", "two", "three"}; /* relocated by the linker */
    char before[65], after[65];
    sha256_hex("abc", 3, before);
    long file_kib = resident_file_kib();
    spare_memory_give_back();
    long left_kib = resident_file_kib();
    ok(file_kib > 0 && left_kib > 0 && left_kib < file_kib, "pages of files: %ld KiB resident, then %ld", file_kib,
       left_kib);
    sha256_hex("abc", 3, after);
    ok(strcmp(before, after) == 0 && strcmp(words[2], "three") == 0,
       "code, constants and relocations are as they were");
    return done();
}
