/* See cpu_time.h. The time of guests is in that of user already. */
#include "base/cpu_time.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a line of /proc/stat, in its order. */
enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N_TIMES };
enum { LINE_BYTES = 512 };

err cpu_time_parse(const char *text, long ticks, cpu_time *out) {
    static const char label[] = "cpu ";
    double t[N_TIMES];
    const char *at = text + sizeof label - 1;
    if (ticks <= 0 || strncmp(text, label, sizeof label - 1) != 0) return ERR_SYNTAX;
    for (int i = 0; i < N_TIMES; i++) {
        char *end;
        t[i] = (double)strtoull(at, &end, 10) / (double)ticks;
        if (end == at) return ERR_SYNTAX;
        at = end;
    }
    *out = (cpu_time){.used_s = t[USER] + t[NICE] + t[SYSTEM] + t[IRQ] + t[SOFTIRQ],
                      .steal_s = t[STEAL],
                      .idle_s = t[IDLE] + t[IOWAIT]};
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
