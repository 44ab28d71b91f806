/* What the CPUs of this machine have done, all programs together, since it started: /proc/stat.
 * Pure but for cpu_time_read. */
#pragma once
#include "base/errors.h"

typedef struct cpu_time {
    double used_s;  /* by programs and the kernel */
    double steal_s; /* wanted, but given to other machines, or refused: a quota counts here, too */
    double idle_s;
} cpu_time;

/* ERR_IO; ERR_SYNTAX. */
MUST_CHECK err cpu_time_read(cpu_time *out);
/* `text` begins with the line "cpu user nice system idle iowait irq softirq steal guest guest_nice", in `ticks` a second. */
MUST_CHECK err cpu_time_parse(const char *text, long ticks, cpu_time *out);
