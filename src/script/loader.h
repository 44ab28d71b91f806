/* Compiling a trader into a state, and learning what it says of itself; the functions are declared in state.h
 * (script_state_load, script_state_expect). */
#pragma once
#include "script/state_body.h"
