/* Where the values of an indicator_set are kept, for the files that it is made of: see indicator_set_columns.c for the drawing. */
#pragma once
#include "indicator/indicator_set_body.h"

/* The oldest bar that every source can have values of; that one itself can have one of, whatever has been left out. */
int64_t indicator_set_sources_floor(const indicator_set *set, const instance *item);
int64_t indicator_set_floor_of(const indicator_set *set, const instance *item);
void indicator_set_find_floors(indicator_set *set);
/* When the next short column will be full; then all of them slide. */
void indicator_set_find_slide(indicator_set *set);
void indicator_set_slide_short(indicator_set *set);
/* Columns and floors follow the window of the bars. */
void indicator_set_follow_bars(indicator_set *set);
/* Its column and those of all that it is made of: ERR_NO_MEMORY. */
MUST_CHECK err indicator_set_make_whole(indicator_set *set, int32_t i);
/* The values from its floor up to `to`; its sources and its own column are whole, and there is scratch for its state. */
void indicator_set_refill(indicator_set *set, const instance *item, int64_t to);
/* Cuts the columns whose whole nobody has asked for lately. */
void indicator_set_cut_unused(indicator_set *set);
