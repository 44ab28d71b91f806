/* The words of a notice: a template with its names filled in.
 *
 * What is not known is "n/a"; so is a plot that the trader does not draw. A template that begins with { or [ is taken for JSON:
 * texts are escaped as inside of a string there. Numbers have no exponent and no zeros at their end.
 * Pure. */
#pragma once
#include "screener/notice.h"

/* What the signal's row does not know. */
typedef struct message_context {
    const char *market;       /* spot, usdm */
    const char *base, *quote; /* assets; empty: unknown */
    int64_t now_ms;           /* wall clock */
} message_context;

/* What is said of an event when nobody has written anything else. */
const char *message_default(notice_event event);
/* `text` is the caller's to free; without blanks and line breaks at its end. ERR_NO_MEMORY; ERR_INVALID for a template that
 * template_check refuses. */
MUST_CHECK err message_write(const char *template, const notice *n, const message_context *context, char **text);
