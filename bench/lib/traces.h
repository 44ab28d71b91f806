/* What LuaJIT's compiler does in the script states of this process. A flush throws all machine code away: one in the
 * steady state means that the limits of the compiler are too small for the traders.
 *
 * Nothing of src/ lets anybody at a state's compiler, and nothing there should. A program that uses this module has a
 * luaL_openlibs of its own in front of the library's, by which every new state is told to count.
 * Threads: any. */
#pragma once
#include <stdint.h>

/* Of all states so far, since the program began. */
uint64_t traces_flushes(void);
uint64_t traces_compiled(void);
