/* See pattern.h. */
#include "indicator/pattern.h"
#include "indicator/kernel.h"
