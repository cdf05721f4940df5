/* SPDX-License-Identifier: MIT
 *
 * Retry-After: seconds, or a date in one of the three forms that a recipient has to know. A date is measured from the
 * answer's own Date, so that a clock that is wrong here does not matter. Source: RFC 9110 sections 5.6.7, 10.2.3. */
#include "client/client_int.h"

#include <stdio.h>

enum { DAY_S = 24 * 60 * 60, RETRY_AFTER_S_MAX = DAY_S, CENTURY_FROM = 70 };

struct date { int year, month, day, hour, minute, second; };

static int month_of(const char name[4])
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char       *at = strlen(name) == 3 ? strstr(names, name) : NULL;

	return at == NULL || (at - names) % 3 != 0 ? 0 : (int)(at - names) / 3 + 1;
}

static bool date_read(const char *text, struct date *out)
{
	char month[4] = "", zone[4] = "";
	int  end = 0;

	*out = (struct date){ 0 };
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3[A-Z]%n", &out->day, month, &out->year,
	           &out->hour, &out->minute, &out->second, zone, &end) == 7 ||
	    sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %3[A-Z]%n", &out->day, month, &out->year,
	           &out->hour, &out->minute, &out->second, zone, &end) == 7) {
		if (strcmp(zone, "GMT") != 0)
			return false;
	} else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &out->day, &out->hour,
	                  &out->minute, &out->second, &out->year, &end) != 6) {
		return false;
	}
	if (out->year >= 0 && out->year < 100)
		out->year += out->year < CENTURY_FROM ? 2000 : 1900;
	out->month = month_of(month);
	return end > 0 && text[end] == '\0' && out->month > 0 && out->year >= 1970 && out->day >= 1 && out->day <= 31 &&
	       out->hour >= 0 && out->hour <= 23 && out->minute >= 0 && out->minute <= 59 && out->second >= 0 &&
	       out->second <= 60;
}

/* -1: not a date. */
static int64_t seconds_of(const char *text)
{
	struct date d;
	int64_t     year, era, days;

	if (!date_read(text, &d))
		return -1;
	/* Days of a year that begins in March, so that a leap day is its last. */
	year = d.month > 2 ? d.year : d.year - 1;
	era = year / 400;
	days = era * 146097 + (year % 400) * 365 + year % 400 / 4 - year % 400 / 100 +
	       (153 * ((d.month + 9) % 12) + 2) / 5 + d.day - 1 - 719468;
	return days * DAY_S + d.hour * 3600 + d.minute * 60 + d.second;
}

static bool all_digits(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && text[n] == '\0';
}

int64_t retry_after_ms(const char *header, const char *date, int64_t wall_ms)
{
	int64_t seconds, now;

	if (all_digits(header))
		return (str_i64(str_from(header), 0, RETRY_AFTER_S_MAX, &seconds) ? seconds : RETRY_AFTER_S_MAX) *
		       SECOND_MS;
	seconds = seconds_of(header);
	if (seconds < 0)
		return -1;
	now = seconds_of(date);
	seconds -= now >= 0 ? now : wall_ms / SECOND_MS;
	return (seconds < 0 ? 0 : seconds > RETRY_AFTER_S_MAX ? RETRY_AFTER_S_MAX : seconds) * SECOND_MS;
}
