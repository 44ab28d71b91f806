/* What LuaJIT's compiler does in the script states of this process. A flush throws all machine code away: one in the
 * steady state means that the limits of the compiler are too small for the traders.
 *
 * Nothing of src/ lets anybody at a state's compiler, and nothing there should. A program that counts has a function of
 * its own in front of the library's:
 *
 *     void luaL_openlibs(lua_State *L) { traces_open_libraries(L); }
 *
 * Threads: any. */
#pragma once
#include <lua.h>
#include <stdint.h>

/* What the library's luaL_openlibs does; and the state is told to count. */
void traces_open_libraries(lua_State *L);
/* Of all states so far, since the program began. */
uint64_t traces_flushes(void);
uint64_t traces_compiled(void);
