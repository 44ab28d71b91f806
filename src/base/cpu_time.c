/* See cpu_time.h. The time of guests is in that of user already. */
#include "base/cpu_time.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 512 };

err cpu_time_parse(const char *text, long ticks, cpu_time *out) {
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
    if (ticks <= 0 || sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait,
                             &irq, &softirq, &steal) != 8)
        return ERR_SYNTAX;
    *out = (cpu_time){.used_s = (double)(user + nice + system + irq + softirq) / (double)ticks,
                      .steal_s = (double)steal / (double)ticks,
                      .idle_s = (double)(idle + iowait) / (double)ticks};
    return OK;
}

err cpu_time_read(cpu_time *out) {
    char line[LINE_BYTES] = "";
    FILE *file = fopen("/proc/stat", "re");
    if (!file) return ERR_IO;
    bool is_read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return is_read ? cpu_time_parse(line, sysconf(_SC_CLK_TCK), out) : ERR_IO;
}
