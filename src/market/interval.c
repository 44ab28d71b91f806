/* Calendar arithmetic for kline intervals.
 *
 * Fifteen of the sixteen intervals are a fixed length on a fixed grid: only the week's grid is shifted (1970-01-01 was
 * a Thursday, weeks start on Monday). The month alone needs a calendar; it is done on proleptic Gregorian day numbers,
 * since gmtime_r and timegm are slow and read time zone state. */
#include "market/interval.h"
#include <assert.h>

enum {
    N_MONTHS = 12,
    DAYS_PER_ERA = 146097,
    SECOND_MS = 1000,
    MINUTE_MS = 60000,
    HOUR_MS = 3600000,
    DAY_MS = 86400000
};

typedef struct grid {
    const char *name;
    int64_t length_ms;
    int64_t origin_ms; /* any open time of the interval */
} grid;

static const grid grids[N_INTERVALS] = {
    [INTERVAL_1S] = {"1s", SECOND_MS, 0},
    [INTERVAL_1M] = {"1m", MINUTE_MS, 0},
    [INTERVAL_3M] = {"3m", 3 * MINUTE_MS, 0},
    [INTERVAL_5M] = {"5m", 5 * MINUTE_MS, 0},
    [INTERVAL_15M] = {"15m", 15 * MINUTE_MS, 0},
    [INTERVAL_30M] = {"30m", 30 * MINUTE_MS, 0},
    [INTERVAL_1H] = {"1h", HOUR_MS, 0},
    [INTERVAL_2H] = {"2h", 2 * HOUR_MS, 0},
    [INTERVAL_4H] = {"4h", 4 * HOUR_MS, 0},
    [INTERVAL_6H] = {"6h", 6 * HOUR_MS, 0},
    [INTERVAL_8H] = {"8h", 8 * HOUR_MS, 0},
    [INTERVAL_12H] = {"12h", 12 * HOUR_MS, 0},
    [INTERVAL_1D] = {"1d", DAY_MS, 0},
    [INTERVAL_3D] = {"3d", 3 * DAY_MS, 0},
    [INTERVAL_1W] = {"1w", 7 * DAY_MS, -3 * DAY_MS},
    [INTERVAL_1MO] = {"1M", INT64_C(31) * DAY_MS, 0}, /* the longest month; its grid is the calendar */
};

static int64_t floor_div(int64_t a, int64_t b);
static int64_t month_of(int64_t ms);
static int64_t month_start_ms(int64_t month);
static const grid *grid_of(int32_t interval);

const char *interval_name(int32_t interval) {
    return interval >= 0 && interval < N_INTERVALS ? grids[interval].name : NULL;
}

/* Every market message names one, hence no comparing of texts. */
#define NAME2(a, b) ((uint32_t)(a) << 8 | (uint32_t)(b))
#define NAME3(a, b, c) (NAME2(a, b) << 8 | (uint32_t)(c))

int32_t interval_parse(const char *name, size_t bytes) {
    const unsigned char *p = (const unsigned char *)name;
    if (bytes != 2 && bytes != 3) return -1;
    switch (bytes == 2 ? NAME2(p[0], p[1]) : NAME3(p[0], p[1], p[2])) {
    case NAME2('1', 's'): return INTERVAL_1S;
    case NAME2('1', 'm'): return INTERVAL_1M;
    case NAME2('3', 'm'): return INTERVAL_3M;
    case NAME2('5', 'm'): return INTERVAL_5M;
    case NAME3('1', '5', 'm'): return INTERVAL_15M;
    case NAME3('3', '0', 'm'): return INTERVAL_30M;
    case NAME2('1', 'h'): return INTERVAL_1H;
    case NAME2('2', 'h'): return INTERVAL_2H;
    case NAME2('4', 'h'): return INTERVAL_4H;
    case NAME2('6', 'h'): return INTERVAL_6H;
    case NAME2('8', 'h'): return INTERVAL_8H;
    case NAME3('1', '2', 'h'): return INTERVAL_12H;
    case NAME2('1', 'd'): return INTERVAL_1D;
    case NAME2('3', 'd'): return INTERVAL_3D;
    case NAME2('1', 'w'): return INTERVAL_1W;
    case NAME2('1', 'M'): return INTERVAL_1MO;
    default: return -1;
    }
}

int64_t interval_floor(int32_t interval, int64_t ms) {
    const grid *g = grid_of(interval);
    if (interval == INTERVAL_1MO) return month_start_ms(month_of(ms));
    return floor_div(ms - g->origin_ms, g->length_ms) * g->length_ms + g->origin_ms;
}

int64_t interval_next(int32_t interval, int64_t open_ms) { return interval_add(interval, open_ms, 1); }

int64_t interval_add(int32_t interval, int64_t open_ms, int64_t n) {
    const grid *g = grid_of(interval);
    if (interval == INTERVAL_1MO) return month_start_ms(month_of(open_ms) + n);
    return open_ms + n * g->length_ms;
}

int64_t interval_count(int32_t interval, int64_t from_ms, int64_t to_ms) {
    const grid *g = grid_of(interval);
    if (interval == INTERVAL_1MO) return month_of(to_ms) - month_of(from_ms);
    return floor_div(to_ms - from_ms, g->length_ms);
}

bool interval_divides(int32_t small, int32_t large) {
    const grid *s = grid_of(small), *l = grid_of(large);
    if (small == large) return true;
    /* Weeks and months start at some midnight, and on no coarser grid that they share with another interval. */
    if (large == INTERVAL_1W || large == INTERVAL_1MO) return DAY_MS % s->length_ms == 0;
    return small < INTERVAL_1W && l->length_ms % s->length_ms == 0;
}

int64_t interval_ms(int32_t interval) { return grid_of(interval)->length_ms; }

static const grid *grid_of(int32_t interval) {
    assert(interval >= 0 && interval < N_INTERVALS);
    return &grids[interval];
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Months since January of year 0. The years run from March here, so that the leap day is a year's last day; an era is
 * 400 years, after which the calendar repeats. */
static int64_t month_of(int64_t ms) {
    int64_t day = floor_div(ms, DAY_MS) + 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = floor_div(day, DAYS_PER_ERA);
    int64_t day_of_era = day - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153; /* 0 is March */
    return (era * 400 + year_of_era) * N_MONTHS + march_month + 2;
}

static int64_t month_start_ms(int64_t month) {
    int64_t from_march = month - 2;
    int64_t year = floor_div(from_march, N_MONTHS), march_month = from_march - year * N_MONTHS;
    int64_t era = floor_div(year, 400), year_of_era = year - era * 400;
    int64_t day_of_year = (153 * march_month + 2) / 5;
    int64_t day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (era * DAYS_PER_ERA + day_of_era - 719468) * DAY_MS;
}
