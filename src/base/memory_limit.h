/* How much memory there is for this process: the machine's, or less where a control group (version 1 or 2) says so. */
#pragma once
#include "base/errors.h"

/* Bytes; 0 when nothing is known. Reads files, so that it is nothing for a hot path. Any thread. */
uint64_t memory_limit_bytes(void);

/* Pure, for the one above. The path of the process in /proc/self/cgroup's text (version 2), up to `bytes` - 1; "" when it names
 * none. */
void memory_limit_group(const char *text, char *path, size_t bytes);
/* The number in a limit's file; UINT64_MAX for "max", or what is no number. */
uint64_t memory_limit_parse(const char *text);
