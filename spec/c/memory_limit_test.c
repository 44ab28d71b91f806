/* What control groups say of the memory. */
#include "base/memory_limit.h"
#include "spec/c/tap.h"
#include <string.h>

int main(void) {
    char path[32];
    memory_limit_group("12:cpu:/a\n0::/user.slice/x.scope\n", path, sizeof path);
    ok(!strcmp(path, "/user.slice/x.scope"), "the group of version 2 is found");
    memory_limit_group("0::/\n", path, sizeof path);
    ok(!strcmp(path, "/"), "the root is one");
    memory_limit_group("4:memory:/docker/1\n", path, sizeof path);
    ok(!*path, "version 1 alone names none");
    memory_limit_group("0::/a/path/that/is/longer/than/there/is/room/for\n", path, sizeof path);
    ok(strlen(path) == sizeof path - 1, "a long one is cut");
    ok(memory_limit_parse("268435456\n") == 268435456, "a limit");
    ok(memory_limit_parse("max\n") == UINT64_MAX && memory_limit_parse("") == UINT64_MAX &&
           memory_limit_parse("-1") == UINT64_MAX && memory_limit_parse("12 MB") == UINT64_MAX &&
           memory_limit_parse("99999999999999999999999") == UINT64_MAX,
       "what is none");
    FILE *file = fopen("/proc/meminfo", "r");
    unsigned long long kb = 0;
    ok(file && fscanf(file, "MemTotal: %llu", &kb) == 1, "the kernel says what there is");
    if (file) fclose(file);
    uint64_t bytes = memory_limit_bytes();
    ok(bytes > 0 && bytes <= (kb << 10) + (kb << 10) / 64, "the limit is at most that: %llu of %llu",
       (unsigned long long)bytes, kb << 10);
    return done();
}
