/* The log: to stderr, human on a terminal, JSON lines otherwise.
 *
 * Every line has a component (the module's noun) and a sentence. Repeats are the business of `log_repeat`: counted
 * always, written once a period with the count.
 * Threads: every function may be called from any thread; a line is written with one write(2). */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF } log_level;
typedef enum log_format { LOG_AUTO, LOG_HUMAN, LOG_JSON } log_format;

/* Before any thread starts. LOG_AUTO: human when stderr is a terminal. */
void log_init(log_level level, log_format format);
bool log_enabled(log_level level);

void log_write(log_level level, const char *component, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define log_debug(component, ...) log_write(LOG_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...) log_write(LOG_INFO, component, __VA_ARGS__)
#define log_warn(component, ...) log_write(LOG_WARN, component, __VA_ARGS__)
#define log_error(component, ...) log_write(LOG_ERROR, component, __VA_ARGS__)

/* At a terminal: a line that is written over and over (a progress, say), until "" removes it. The next line of the log
 * takes its place. */
void log_standing_line(const char *text);

/* A failure that may repeat: statically allocated by its module, zero-initialised. */
typedef struct log_repeater {
    int64_t next_ms;   /* monotonic; atomic access inside */
    uint64_t n_total;  /* ever */
    uint64_t n_silent; /* since the last written line */
} log_repeater;

/* Count one; write the line when the period (60 s) has passed since the last, with "(N times since)" when N > 1. */
void log_repeat(log_repeater *repeater, log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
