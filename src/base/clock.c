/* SPDX-License-Identifier: MIT
 *
 * Calendar arithmetic on the proleptic Gregorian calendar: no time zones, no leap seconds. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t MS_PER_DAY = 86400000;
static const int64_t ISO_MIN_MS = -62135596800000;    /* 0001-01-01T00:00:00.000Z */
static const int64_t ISO_MAX_MS = 253402300799999;    /* 9999-12-31T23:59:59.999Z */
static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static _Atomic int64_t shift_ms;

struct moment {
	int year, month, day, hour, minute, second, ms, weekday;
};

static int64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_now_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000 + atomic_load(&shift_ms);
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

void clock_shift_ms(int64_t shift)
{
	atomic_store(&shift_ms, shift);
}

/* Days since 1970-01-01. Years start in March, so that the leap day is the last of its year. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct moment *out)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	out->year = (int)(yoe + era * 400 + (out->month <= 2));
	out->weekday = (int)((days % 7 + 11) % 7);
}

static void moment_from_ms(int64_t ms, struct moment *out)
{
	int64_t days, rest;

	if (ms < ISO_MIN_MS)
		ms = ISO_MIN_MS;
	if (ms > ISO_MAX_MS)
		ms = ISO_MAX_MS;
	days = (ms >= 0 ? ms : ms - (MS_PER_DAY - 1)) / MS_PER_DAY;
	rest = ms - days * MS_PER_DAY;
	date_from_days(days, out);
	out->hour = (int)(rest / 3600000);
	out->minute = (int)(rest / 60000 % 60);
	out->second = (int)(rest / 1000 % 60);
	out->ms = (int)(rest % 1000);
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool moment_to_ms(const struct moment *m, int64_t *out)
{
	if (m->year < 1 || m->month < 1 || m->month > 12 || m->day < 1 ||
	    m->day > days_in_month(m->year, m->month) ||
	    m->hour > 23 || m->minute > 59 || m->second > 59)
		return false;
	*out = days_from_date(m->year, m->month, m->day) * MS_PER_DAY + m->hour * 3600000LL +
	       m->minute * 60000LL + m->second * 1000LL + m->ms;
	return true;
}

void clock_iso_text(int64_t ms, char out[25])
{
	struct moment m;

	moment_from_ms(ms, &m);
	snprintf(out, 25, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", m.year, m.month, m.day,
	         m.hour, m.minute, m.second, m.ms);
}

str clock_iso(struct arena *a, int64_t ms)
{
	char text[25];

	clock_iso_text(ms, text);
	return arena_str(a, (str){ text, sizeof(text) - 1 });
}

void clock_http_date(int64_t ms, char out[30])
{
	struct moment m;

	moment_from_ms(ms, &m);
	snprintf(out, 30, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[m.weekday], m.day,
	         months[m.month - 1], m.year, m.hour, m.minute, m.second);
}

/* Matches s against a picture: '0' stands for a digit, anything else for itself. */
static bool looks_like(str s, str picture)
{
	if (s.n != picture.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (picture.p[i] == '0' ? !digit : picture.p[i] != '?' && s.p[i] != picture.p[i])
			return false;
	}
	return true;
}

static int digits(str s, size_t from, size_t n)
{
	int v = 0;

	for (size_t i = from; i < from + n; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

static void read_time(str s, size_t from, struct moment *m)
{
	m->hour = digits(s, from, 2);
	m->minute = digits(s, from + 3, 2);
	m->second = digits(s, from + 6, 2);
}

/* ".5Z" -> 500. Digits past the millisecond are dropped. */
static bool read_fraction(str s, int *ms_out)
{
	int ms = 0, scale = 100;

	if (str_eq(s, S("Z"))) {
		*ms_out = 0;
		return true;
	}
	if (s.n < 3 || s.n > 11 || s.p[0] != '.' || s.p[s.n - 1] != 'Z')
		return false;
	for (size_t i = 1; i < s.n - 1; i++, scale /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		ms += (s.p[i] - '0') * scale;
	}
	*ms_out = ms;
	return true;
}

bool clock_parse_iso(str s, int64_t *ms_out)
{
	static const str picture = STR("0000-00-00T00:00:00");
	struct moment m = { 0 };

	if (!looks_like(str_sub(s, 0, picture.n), picture) ||
	    !read_fraction(str_from_at(s, picture.n), &m.ms))
		return false;
	m.year = digits(s, 0, 4);
	m.month = digits(s, 5, 2);
	m.day = digits(s, 8, 2);
	read_time(s, 11, &m);
	return moment_to_ms(&m, ms_out);
}

static int name_index(str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_from(names[i])))
			return (int)i;
	return -1;
}

bool clock_parse_http_date(str s, int64_t *ms_out)
{
	struct moment m = { 0 }, check;
	int64_t ms;

	if (!looks_like(s, S("???, 00 ??? 0000 00:00:00 GMT")))
		return false;
	m.weekday = name_index(str_sub(s, 0, 3), weekdays, COUNT(weekdays));
	m.day = digits(s, 5, 2);
	m.month = name_index(str_sub(s, 8, 3), months, COUNT(months)) + 1;
	m.year = digits(s, 12, 4);
	read_time(s, 17, &m);
	if (!moment_to_ms(&m, &ms))
		return false;
	moment_from_ms(ms, &check);
	if (check.weekday != m.weekday)
		return false;
	*ms_out = ms;
	return true;
}
