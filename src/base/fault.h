/* Named fault points for the specs of durability: `fault("commit.before")` kills the process there, as a power cut
 * would, when the environment says TRADEMIND_FAULT="commit.before:3" (the third time that point is passed).
 * Compiled only with -DFAULTS; nothing is left of it otherwise.
 * Threads: any. */
#pragma once

#ifdef FAULTS
void fault(const char *name);
#else
#define fault(name) ((void)0)
#endif
