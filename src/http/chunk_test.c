/* SPDX-License-Identifier: MIT */
#include "http/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static struct chunks chunks;
static char body[4096];
static size_t body_n;

/* Feeds `step` bytes at a time; *rest_out: what was not taken. */
static enum chunk_result decode(str text, size_t step, size_t *rest_out)
{
	enum chunk_result result = CHUNK_MORE;
	size_t at = 0;

	chunks_start(&chunks);
	body_n = 0;
	while (at < text.n && result == CHUNK_MORE) {
		str rest = str_sub(text, at, step), piece;
		size_t given = rest.n;

		while ((result = chunks_next(&chunks, &rest, &piece)) == CHUNK_DATA) {
			CHECK(body_n + piece.n <= sizeof body);
			memcpy(body + body_n, piece.p, piece.n);
			body_n += piece.n;
		}
		at += given - rest.n;
	}
	*rest_out = text.n - at;
	return result;
}

static const struct { const char *rule; str text; str want; size_t rest; } good[] = {
	{ "one chunk", STR("5\r\nhello\r\n0\r\n\r\n"), STR("hello"), 0 },
	{ "two chunks", STR("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), STR("hello world"), 0 },
	{ "no chunk", STR("0\r\n\r\n"), STR(""), 0 },
	{ "what follows is left", STR("1\r\na\r\n0\r\n\r\nGET /"), STR("a"), 5 },
	{ "hexadecimal in both cases", STR("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"),
	  STR("01234567890123456789a"), 0 },
	{ "leading zeros", STR("0005\r\nhello\r\n000\r\n\r\n"), STR("hello"), 0 },
	{ "extensions", STR("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), STR("hello"), 0 },
	{ "blank before an extension", STR("5 \t;a\r\nhello\r\n0\r\n\r\n"), STR("hello"), 0 },
	{ "trailer fields", STR("1\r\na\r\n0\r\nX-A: b\r\nX-C:\r\n\r\n"), STR("a"), 0 },
	{ "line ends inside data", STR("4\r\n\r\n\r\n\r\n0\r\n\r\n"), STR("\r\n\r\n"), 0 },
};

TEST(chunks_decode_however_they_arrive)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t step = 1; step <= good[i].text.n; step++) {
			size_t rest;

			if (decode(good[i].text, step, &rest) != CHUNK_DONE)
				test_fail(__FILE__, (int)i, good[i].rule);
			CHECK_I64((int64_t)rest, (int64_t)good[i].rest);
			CHECK_STR(((str){ body, body_n }), good[i].want);
		}
	}
}

static const struct { const char *rule; str text; } bad[] = {
	{ "0x", STR("0x3\r\nabc\r\n0\r\n\r\n") },
	{ "empty size", STR("\r\nabc\r\n") },
	{ "sign", STR("+3\r\nabc\r\n") },
	{ "blank first", STR(" 3\r\nabc\r\n") },
	{ "blank instead of an extension", STR("3 \r\nabc\r\n") },
	{ "overflow", STR("10000000000000003\r\nabc\r\n") },
	{ "many digits", STR("00000000000000003\r\nabc\r\n") },
	{ "size line with bare LF", STR("3\nabc\r\n") },
	{ "extension with bare LF", STR("3;a\nabc\r\n") },
	{ "extension with lone CR", STR("3;a\rb\r\nabc\r\n") },
	{ "extension with NUL", STR("3;a\0b\r\nabc\r\n") },
	{ "size with lone CR", STR("3\rabc") },
	{ "data without its end", STR("3\r\nabcd\r\n") },
	{ "data ended by LF", STR("3\r\nabc\n0\r\n\r\n") },
	{ "data ended by CR", STR("3\r\nabc\rx") },
	{ "minus in size", STR("3-\r\n") },
	{ "trailer without colon", STR("0\r\nnonsense\r\n\r\n") },
	{ "trailer without name", STR("0\r\n: x\r\n\r\n") },
	{ "trailer with a space in its name", STR("0\r\nA B: x\r\n\r\n") },
	{ "folded trailer", STR("0\r\nA: x\r\n y\r\n\r\n") },
	{ "trailer with bare LF", STR("0\r\nA: x\n\r\n") },
	{ "end with bare LF", STR("0\r\n\n") },
	{ "end with lone CR", STR("0\r\n\rx") },
};

TEST(chunks_refuse_what_two_parties_could_read_differently)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		for (size_t step = 1; step <= bad[i].text.n; step++) {
			size_t rest;

			if (decode(bad[i].text, step, &rest) != CHUNK_BAD)
				test_fail(__FILE__, (int)i, bad[i].rule);
			CHECK(chunks.code == ERR_INVALID_REQUEST && chunks.why != NULL);
		}
	}
}

TEST(chunks_bound_extensions_and_trailers_together)
{
	size_t n = CHUNK_EXTRA_BYTES_MAX + 16, rest;
	char *text = malloc(n);

	memset(text, 'a', n);
	text[0] = '1';
	text[1] = ';';
	CHECK(decode((str){ text, n }, 100, &rest) == CHUNK_BAD);
	CHECK(chunks.code == ERR_HEADERS_TOO_LARGE);
	memcpy(text, "0\r\nA:", 5);
	CHECK(decode((str){ text, n }, 100, &rest) == CHUNK_BAD);
	CHECK(chunks.code == ERR_HEADERS_TOO_LARGE);
	free(text);
}

TEST(chunks_stay_refused)
{
	str rest = S("5\r\nhello\r\n0\r\n\r\n"), piece;
	size_t left;

	CHECK(decode(S("x"), 1, &left) == CHUNK_BAD);
	CHECK(chunks_next(&chunks, &rest, &piece) == CHUNK_BAD);
}
