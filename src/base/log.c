/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_BYTES_MAX = 8192,
	VALUE_BYTES_MAX = 2048,
	SPEC_BYTES_MAX = 32,
	TOKEN_PREFIX_MAX = 8,
	TOKEN_PAYLOAD_MIN = 20,      /* shorter runs are words, not tokens */
};

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int log_least = LOG_INFO;
static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Prefixes of all token kinds: those of crypto/token.h, and the contract's for kinds to come. */
static const str token_prefixes[] = {
	STR("bi_oat_"), STR("bi_at_"), STR("bi_ac_"), STR("bi_cs_"), STR("bi_dc_"), STR("bi_rat_"),
	STR("bi_pub_"), STR("bi_se_"), STR("bi_ar_"), STR("rt_"), STR("bi-"),
};

struct line {
	char   text[LINE_BYTES_MAX];
	size_t n;
	bool   cut;
};

void log_open(int fd, enum log_level least)
{
	atomic_store(&log_fd, fd);
	atomic_store(&log_least, (int)least);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static size_t payload_length(str s)
{
	size_t n = 0;

	while (n < s.n && is_alnum(s.p[n]))
		n++;
	return n;
}

/* The prefix of a token that starts exactly here, and its whole length. */
static str token_at(str s, size_t *length_out)
{
	for (size_t i = 0; i < COUNT(token_prefixes); i++) {
		str prefix = token_prefixes[i];
		size_t n;

		if (!str_starts(s, prefix))
			continue;
		n = payload_length(str_from_at(s, prefix.n));
		if (n < TOKEN_PAYLOAD_MIN)
			continue;
		*length_out = prefix.n + n;
		return prefix;
	}
	return STR_NONE;
}

size_t log_redact(char *text, size_t n)
{
	static const str stars = STR("***");
	size_t to = 0, from = 0, length = 0;

	while (from < n) {
		str prefix = STR_NONE;

		/* "rt_" within a word is no token: the public ids of grants begin with "grt_". */
		if (text[from] == 'b' ||
		    (text[from] == 'r' && (from == 0 || !is_alnum(text[from - 1]))))
			prefix = token_at((str){ text + from, n - from }, &length);
		if (prefix.p == NULL) {
			text[to++] = text[from++];
			continue;
		}
		memmove(text + to, text + from, prefix.n);
		memcpy(text + to + prefix.n, stars.p, stars.n);
		to += prefix.n + stars.n;
		from += length;
	}
	return to;
}

static void line_str(struct line *l, str s)
{
	size_t room = sizeof(l->text) - 1 - l->n;      /* the last byte is for the newline */

	if (s.n > room) {
		l->cut = true;
		s.n = room;
	}
	if (s.n > 0)
		memcpy(l->text + l->n, s.p, s.n);
	l->n += s.n;
}

static bool needs_quotes(str s)
{
	if (s.n == 0)
		return true;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' ||
		    s.p[i] == '\\' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Control characters would let a client write lines of its own into the log. */
static void line_value(struct line *l, str s)
{
	if (!needs_quotes(s)) {
		line_str(l, s);
		return;
	}
	line_str(l, S("\""));
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escape[5];
		int n = 0;

		if (c == '"' || c == '\\')
			n = snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c == '\n')
			n = snprintf(escape, sizeof(escape), "\\n");
		else if (c < ' ' || c == 0x7f)
			n = snprintf(escape, sizeof(escape), "\\x%02x", c);
		line_str(l, n > 0 ? (str){ escape, (size_t)n } : str_sub(s, i, 1));
	}
	line_str(l, S("\""));
}

struct value {
	char   text[VALUE_BYTES_MAX];
	size_t n;
	bool   cut;
};

static void value_add(struct value *v, int n)
{
	size_t room = sizeof(v->text) - v->n;

	if (n < 0)
		return;
	if ((size_t)n >= room)
		v->cut = true;
	v->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* va_list in a struct, because an array type cannot be passed by reference portably. */
struct args { va_list list; };

/* What "%-5.2f" and friends take from the arguments: their size is in the length modifier. */
static void value_conversion(struct value *v, const char *spec, char modifier, char kind,
                             struct args *args)
{
	char *to = v->text + v->n;
	size_t room = sizeof(v->text) - v->n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	switch (kind) {
	case 's':
		value_add(v, snprintf(to, room, spec, va_arg(args->list, const char *)));
		break;
	case 'p':
		value_add(v, snprintf(to, room, spec, va_arg(args->list, void *)));
		break;
	case 'f': case 'g': case 'e':
		value_add(v, snprintf(to, room, spec, va_arg(args->list, double)));
		break;
	default:
		if (modifier == 'l' || modifier == 'z' || modifier == 'j' || modifier == 't')
			value_add(v, snprintf(to, room, spec, va_arg(args->list, long)));
		else
			value_add(v, snprintf(to, room, spec, va_arg(args->list, int)));
		break;
	}
#pragma GCC diagnostic pop
}
_Static_assert(sizeof(long) == sizeof(int64_t) && sizeof(long) == sizeof(size_t),
               "l, ll, z, j and t are one size");

/* Formats one conversion that starts at *fmt with '%', and moves *fmt past it. A '*' becomes its
 * number. */
static void value_format(struct value *v, const char **fmt, struct args *args)
{
	char spec[SPEC_BYTES_MAX];
	size_t n = 0;
	char modifier = '\0';
	const char *f = *fmt;

	spec[n++] = *f++;
	for (; *f != '\0' && strchr("-+ #0123456789.*hlzjt", *f) != NULL; f++) {
		if (n + 12 >= sizeof(spec))
			break;
		if (*f == '*')
			n += (size_t)snprintf(spec + n, sizeof(spec) - n, "%d",
			                      va_arg(args->list, int));
		else
			spec[n++] = *f;
		if (strchr("hlzjt", *f) != NULL)
			modifier = *f;
	}
	*fmt = *f == '\0' ? f : f + 1;
	spec[n] = *f;
	spec[n + 1] = '\0';
	if (*f == '%')
		value_add(v, snprintf(v->text + v->n, sizeof(v->text) - v->n, "%%"));
	else if (*f != '\0')
		value_conversion(v, spec, modifier, *f, args);
}

/* What was cut may end in the first half of a token, which the redactor would not know. */
static size_t without_half_token(const char *text, size_t n)
{
	size_t least = n > TOKEN_PREFIX_MAX + TOKEN_PAYLOAD_MIN ?
		n - TOKEN_PREFIX_MAX - TOKEN_PAYLOAD_MIN : 0;

	while (n > least && (is_alnum(text[n - 1]) || text[n - 1] == '_' || text[n - 1] == '-'))
		n--;
	return n;
}

/* The value up to the next blank of fmt itself. */
static void value_read(struct value *v, const char **fmt, struct args *args)
{
	v->n = 0;
	v->cut = false;
	while (**fmt != '\0' && **fmt != ' ') {
		if (**fmt == '%') {
			value_format(v, fmt, args);
			continue;
		}
		if (v->n < sizeof(v->text) - 1)
			v->text[v->n++] = **fmt;
		++*fmt;
	}
	if (v->cut)
		v->n = without_half_token(v->text, v->n);
}

/* fmt is "key=FMT key=FMT …". */
static void line_pairs(struct line *l, const char *fmt, struct args *args)
{
	while (*fmt != '\0') {
		size_t key_n = strcspn(fmt, "= %");
		bool has_value = fmt[key_n] == '=' || fmt[key_n] == '%';
		struct value v;

		key_n += fmt[key_n] == '=';
		line_str(l, (str){ fmt, key_n });
		fmt += key_n;
		value_read(&v, &fmt, args);
		if (has_value)
			line_value(l, (str){ v.text, v.n });
		if (v.cut)
			line_str(l, S("…"));
		for (; *fmt == ' '; fmt++)
			line_str(l, S(" "));
	}
}

static void line_write(int fd, const struct line *l)
{
	size_t done = 0;

	while (done < l->n) {
		ssize_t n = write(fd, l->text + done, l->n - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return;              /* nowhere to complain */
	}
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	struct line l;
	struct args args;
	char now[25];

	if ((int)level < atomic_load(&log_least))
		return;
	l.n = 0;
	l.cut = false;
	clock_iso_text(clock_now_ms(), now);
	line_str(&l, str_from(now));
	line_str(&l, S(" "));
	line_str(&l, str_from(level_names[level]));
	line_str(&l, S(" "));
	line_str(&l, str_from(event));
	if (fmt != NULL && fmt[0] != '\0') {
		line_str(&l, S(" "));
		va_start(args.list, fmt);
		line_pairs(&l, fmt, &args);
		va_end(args.list);
	}
	if (l.cut)
		l.n = without_half_token(l.text, l.n);
	l.n = log_redact(l.text, l.n);
	l.text[l.n++] = '\n';
	line_write(atomic_load(&log_fd), &l);
}
