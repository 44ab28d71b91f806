/* An estimate of tokens, for prompts and budgets: script_tokens, declared in abi.h, since Lua asks, too. */
#pragma once
#include "abi.h"
