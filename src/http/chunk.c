/* SPDX-License-Identifier: MIT */
#include "http/chunk.h"

#include "http/chars.h"

/* Where in the coding the next byte stands. DATA is the only state that takes runs of bytes. */
enum state {
	SIZE, SIZE_BLANK, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF,
	TRAILER, TRAILER_NAME, TRAILER_VALUE, TRAILER_LF, END_LF, END, REFUSED,
};

static int refuse(struct chunks *c, enum err_code code, const char *why)
{
	c->code = code;
	c->why = why;
	return REFUSED;
}

static int malformed(struct chunks *c, const char *why)
{
	return refuse(c, ERR_INVALID_REQUEST, why);
}

void chunks_start(struct chunks *c)
{
	*c = (struct chunks){ .state = SIZE };
}

static unsigned hex_value(char ch)
{
	return ch <= '9' ? (unsigned)(ch - '0') : (unsigned)((ch | 0x20) - 'a' + 10);
}

static int size_digit(struct chunks *c, char ch)
{
	/* Sixteen digits cannot overflow 64 bits; more are refused even if they are zeros. */
	if (++c->digits > CHUNK_DIGITS_MAX)
		return malformed(c, "a chunk size is too large");
	c->left = c->left << 4 | hex_value(ch);
	return SIZE;
}

static int in_size(struct chunks *c, char ch)
{
	if (char_is(ch, CHAR_HEX))
		return size_digit(c, ch);
	if (c->digits == 0)
		return malformed(c, "a chunk does not start with its size");
	switch (ch) {
	case '\r': return SIZE_LF;
	case ';':  return EXTENSION;
	case ' ':
	case '\t': return SIZE_BLANK;
	default:   return malformed(c, "a chunk size is not a hexadecimal number");
	}
}

/* Blanks may stand before an extension (RFC 9112 7.1.1) but not instead of one. */
static int in_size_blank(struct chunks *c, char ch)
{
	if (ch == ';')
		return EXTENSION;
	return ch == ' ' || ch == '\t' ? SIZE_BLANK : malformed(c, "a chunk size is followed by a blank");
}

static int in_extension(struct chunks *c, char ch)
{
	if (ch == '\r')
		return SIZE_LF;
	return char_is(ch, CHAR_VALUE) ? EXTENSION
	                               : malformed(c, "a chunk extension has a control character");
}

static int size_end(struct chunks *c, char ch)
{
	if (ch != '\n')
		return malformed(c, "a chunk size line does not end with CRLF");
	c->digits = 0;
	return c->left == 0 ? TRAILER : DATA;
}

static int in_trailer_name(struct chunks *c, char ch)
{
	if (ch == ':')
		return TRAILER_VALUE;
	return char_is(ch, CHAR_TOKEN) ? TRAILER_NAME : malformed(c, "a trailer field has no valid name");
}

static int in_trailer_value(struct chunks *c, char ch)
{
	if (ch == '\r')
		return TRAILER_LF;
	return char_is(ch, CHAR_VALUE) ? TRAILER_VALUE
	                               : malformed(c, "a trailer field has a control character");
}

static int in_trailer(struct chunks *c, char ch)
{
	if (ch == '\r')
		return END_LF;
	return ch == ':' ? malformed(c, "a trailer field has no name") : in_trailer_name(c, ch);
}

static int expect_byte(struct chunks *c, char ch, char want, int next)
{
	return ch == want ? next : malformed(c, "a chunk does not end with CRLF");
}

static int step(struct chunks *c, char ch)
{
	switch ((enum state)c->state) {
	case SIZE:          return in_size(c, ch);
	case SIZE_BLANK:    return in_size_blank(c, ch);
	case EXTENSION:     return in_extension(c, ch);
	case SIZE_LF:       return size_end(c, ch);
	case DATA_CR:       return expect_byte(c, ch, '\r', DATA_LF);
	case DATA_LF:       return expect_byte(c, ch, '\n', SIZE);
	case TRAILER:       return in_trailer(c, ch);
	case TRAILER_NAME:  return in_trailer_name(c, ch);
	case TRAILER_VALUE: return in_trailer_value(c, ch);
	case TRAILER_LF:    return expect_byte(c, ch, '\n', TRAILER);
	case END_LF:        return expect_byte(c, ch, '\n', END);
	case DATA:
	case END:
	case REFUSED:       break;
	}
	return c->state;
}

static bool is_extra(int state)
{
	return state == EXTENSION || state == SIZE_BLANK || (state >= TRAILER && state <= TRAILER_LF);
}

static void take_byte(struct chunks *c, char ch)
{
	c->state = step(c, ch);
	if (is_extra(c->state) && ++c->extra > CHUNK_EXTRA_BYTES_MAX)
		c->state = refuse(c, ERR_HEADERS_TOO_LARGE,
		                  "chunk extensions and trailer fields are too large");
}

static enum chunk_result take_data(struct chunks *c, str *rest, str *data_out)
{
	*data_out = str_sub(*rest, 0, c->left < rest->n ? (size_t)c->left : rest->n);
	*rest = str_from_at(*rest, data_out->n);
	c->left -= data_out->n;
	if (c->left == 0)
		c->state = DATA_CR;
	return CHUNK_DATA;
}

enum chunk_result chunks_next(struct chunks *c, str *rest, str *data_out)
{
	while (rest->n > 0 && c->state != END && c->state != REFUSED) {
		if (c->state == DATA)
			return take_data(c, rest, data_out);
		take_byte(c, rest->p[0]);
		*rest = (str){ rest->p + 1, rest->n - 1 };
	}
	if (c->state == REFUSED)
		return CHUNK_BAD;
	return c->state == END ? CHUNK_DONE : CHUNK_MORE;
}
