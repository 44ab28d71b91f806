/* Texts that scripts give with their results: many, short, and soon gone again. Those of a thread go into blocks that it
 * has used before, so that in the steady state none is allocated.
 *
 * Threads: any; a text may be freed by another thread than the one that made it. What a thread keeps goes with it. */
#pragma once

/* A copy; NULL without memory. For text_free only. */
char *text_copy(const char *text);
void text_free(char *text);
