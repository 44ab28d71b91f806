/* Newcomers of an indicator_set, for the files that it is made of: indicator_set_add itself is in indicator_set.h. */
#pragma once
#include "indicator/indicator_set_body.h"

/* Where its sources are; whether it is deferred for their sake. */
void indicator_set_bind(const indicator_set *set, instance *item);
void indicator_set_bind_slow(const indicator_set *set, instance *item);
bool indicator_set_rests_on_deferred(const indicator_set *set, const instance *item);
/* What it is made of, here or in the set that is its source's home. Errors as indicator_set_add. */
MUST_CHECK err indicator_set_add_sources(indicator_set *set, const indicator_spec *spec, int64_t epoch_ms);
/* The source of an aligned series is whole from here on. ERR_NO_MEMORY. */
MUST_CHECK err indicator_set_prepare_slow(const indicator_set *set, const instance *item);
