/* Calendar arithmetic is Howard Hinnant's days_from_civil and its inverse (chrono-compatible low-level date
 * algorithms): years start in March, so that the leap day is the last of its year. libc's strptime and timegm are not
 * used because they accept too much (one-digit months, 31 February). */
#include "base/time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60000, MS_PER_HOUR = 3600000, MS_PER_DAY = 86400000 };
#define SMALLEST_MS INT64_C(100000000000)
#define LARGEST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Exactly `width` digits; moves `at` past them. */
static bool take_number(const char **at, int width, int *out) {
    int value = 0;
    for (int i = 0; i < width; i++) {
        if (!is_digit((*at)[i])) return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += width;
    *out = value;
    return true;
}

static bool take_char(const char **at, char c) {
    if (**at != c) return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static int64_t days_from_civil(int64_t year, int month, int day) {
    if (month <= 2) year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool take_date(const char **at, int64_t *ms) {
    int year, month, day;
    if (!take_number(at, 4, &year) || !take_char(at, '-') || !take_number(at, 2, &month) || !take_char(at, '-') ||
        !take_number(at, 2, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    *ms = days_from_civil(year, month, day) * MS_PER_DAY;
    return true;
}

/* One to three decimals of a second, as ms. */
static bool take_fraction(const char **at, int64_t *ms) {
    int n_digits = 0, fraction = 0;
    while (n_digits < 3 && is_digit(**at)) {
        fraction = fraction * 10 + (*(*at)++ - '0');
        n_digits++;
    }
    if (n_digits == 0) return false;
    while (n_digits++ < 3) fraction *= 10;
    *ms += fraction;
    return true;
}

static bool take_clock(const char **at, int64_t *ms) {
    int hour, minute, second = 0;
    if (!take_number(at, 2, &hour) || !take_char(at, ':') || !take_number(at, 2, &minute)) return false;
    if (hour > 23 || minute > 59) return false;
    *ms += (int64_t)hour * MS_PER_HOUR + minute * MS_PER_MINUTE;
    if (take_char(at, ':')) {
        if (!take_number(at, 2, &second) || second > 59) return false;
        *ms += second * MS_PER_SECOND;
        if (take_char(at, '.') && !take_fraction(at, ms)) return false;
    }
    take_char(at, 'Z');
    return true;
}

static err parse_ms(const char *text, int64_t *ms) {
    int64_t value = 0;
    for (const char *at = text; *at; at++) {
        value = value * 10 + (*at - '0');
        if (value > LARGEST_MS) return ERR_INVALID;
    }
    if (value != 0 && value < SMALLEST_MS) return ERR_INVALID;
    *ms = value;
    return OK;
}

err time_text_parse(const char *text, int64_t *ms) {
    if (*text && strspn(text, "0123456789") == strlen(text)) return parse_ms(text, ms);
    const char *at = text;
    int64_t value;
    if (!take_date(&at, &value)) return ERR_INVALID;
    if ((take_char(&at, 'T') || take_char(&at, ' ')) && !take_clock(&at, &value)) return ERR_INVALID;
    if (*at) return ERR_INVALID;
    *ms = value;
    return OK;
}

void time_text_format(int64_t ms, char out[TIME_TEXT_BYTES]) {
    int64_t days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY, year;
    if (rest < 0) {
        rest += MS_PER_DAY;
        days--;
    }
    int month, day;
    civil_from_days(days, &year, &month, &day);
    int length =
        snprintf(out, TIME_TEXT_BYTES, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day,
                 (int)(rest / MS_PER_HOUR), (int)(rest / MS_PER_MINUTE % 60), (int)(rest / MS_PER_SECOND % 60));
    size_t left = TIME_TEXT_BYTES - (size_t)length;
    if (rest % MS_PER_SECOND) {
        snprintf(out + length, left, ".%03dZ", (int)(rest % MS_PER_SECOND));
    } else {
        snprintf(out + length, left, "Z");
    }
}
