/* See trend.h. */
#include "indicator/trend.h"
#include "indicator/kernel.h"
