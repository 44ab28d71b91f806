/* Values of one indicator over a list of bars: for tools and specs. Declared in abi.h; pure. */
#pragma once
#include "abi.h"
