/* The structure of a market, found by a look at many bars: volume by price, divergences, swings. Not kernels: computed
 * when a script asks. Declared in abi.h; pure, no allocation. */
#pragma once
#include "abi.h"
