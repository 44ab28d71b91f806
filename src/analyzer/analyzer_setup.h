/* The settings of analysis as the analyzer takes them. Pure. */
#pragma once
#include "analyzer/analyzer.h"
#include "config.h"

/* Some provider is switched on. */
bool analyzer_setup_is_on(const config *cfg);
/* Providers, limits and manner; texts are borrowed from the configuration. ERR_INVALID and a sentence: settings that do not fit
 * together. */
MUST_CHECK err analyzer_setup(const config *cfg, analyzer_config *out, diag *why);
