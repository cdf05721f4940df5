/* SPDX-License-Identifier: MIT
 *
 * Which bytes may stand where in a head. One table, one bit a question.
 * Sources: RFC 9110 5.6.2 (token), 5.5 (field values); RFC 3986 2 and 3.2.2 (target, host). */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include "base/str.h"

enum {
	CHAR_TOKEN  = 1 << 0,   /* methods and header names                                       */
	CHAR_TARGET = 1 << 1,   /* visible bytes but '#'; raw UTF-8 is let through, as browsers and
	                         * command lines send it                                          */
	CHAR_HEX    = 1 << 2,
	CHAR_HOST   = 1 << 3,   /* reg-name of an authority                                       */
	CHAR_VALUE  = 1 << 4,   /* header values: no control byte but tab                         */
};

extern const uint8_t chars[256];

static inline bool char_is(char c, unsigned kind)
{
	return (chars[(unsigned char)c] & kind) != 0;
}

/* Are all bytes of s of this kind? */
bool chars_all(str s, unsigned kind);
/* The same for CHAR_VALUE, eight bytes at a time: values are most of a head. */
bool chars_value(str s);

#endif
