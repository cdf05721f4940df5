/* SPDX-License-Identifier: MIT
 *
 * The request parser and the chunk decoder: no crash, every slice lies inside the input, and the
 * result does not depend on how the bytes arrive. The first byte of an input sets the sizes of the
 * pieces; the rest is what a client sends. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/chars.h"
#include "http/chunk.h"
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct parsed {
	struct http_request request;
	struct http_pair    headers[PARSE_HEADERS_MAX];
	struct parse        parse;
	enum parse_result   result;
};

static const struct parse_limits limits = { 2048, 4096 };

static void parse_in_pieces(struct parsed *out, const char *bytes, size_t n, size_t step)
{
	parse_start(&out->parse, &out->request, out->headers, &limits);
	out->result = PARSE_MORE;
	for (size_t at = 0; at <= n && out->result == PARSE_MORE; at += step)
		out->result = parse_head(&out->parse, bytes, at);
	if (out->result == PARSE_MORE)
		out->result = parse_head(&out->parse, bytes, n);
}

static void assert_inside(str s, const char *bytes, size_t n)
{
	assert(s.n == 0 || (s.p >= bytes && s.p + s.n <= bytes + n));
}

static void assert_sane(const struct parsed *p, const char *bytes, size_t n)
{
	const struct http_request *r = &p->request;

	assert(p->parse.at <= n && r->headers_n <= PARSE_HEADERS_MAX);
	assert_inside(r->target, bytes, n);
	assert_inside(r->query, bytes, n);
	assert(r->path.n > 0 && (r->path.p[0] == '/' || r->path.p[0] == '*'));
	assert(!(r->path.n > 1 && r->path.p[0] == '/' && r->path.p[1] == '/'));
	assert(str_find(r->path, S("/../")) < 0 && !str_ends(r->path, S("/..")));
	assert(str_find(r->path, S("%00")) < 0);
	for (size_t i = 0; i < r->headers_n; i++) {
		assert_inside(r->headers[i].name, bytes, n);
		assert_inside(r->headers[i].value, bytes, n);
		assert(r->headers[i].name.n > 0 && chars_all(r->headers[i].name, CHAR_TOKEN));
		assert(chars_all(r->headers[i].value, CHAR_VALUE));
	}
	assert(p->parse.minor == 0 || r->known[HTTP_HOST].n > 0);
	assert(r->known[HTTP_CONTENT_LENGTH].p == NULL || r->known[HTTP_TRANSFER_ENCODING].p == NULL);
}

/* Too long and malformed at once: which one is seen first may depend on the pieces. */
static bool is_size_code(enum err_code code)
{
	return code == ERR_HEADERS_TOO_LARGE || code == ERR_URI_TOO_LONG;
}

static void assert_same(const struct parsed *a, const struct parsed *b)
{
	assert(a->result == b->result);
	assert(a->parse.code == b->parse.code || is_size_code(a->parse.code) ||
	       is_size_code(b->parse.code));
	if (a->result != PARSE_DONE)
		return;
	assert(a->parse.at == b->parse.at && a->parse.body == b->parse.body);
	assert(a->parse.body_bytes == b->parse.body_bytes && a->parse.keep_alive == b->parse.keep_alive);
	assert(a->request.headers_n == b->request.headers_n);
	assert(str_eq(a->request.path, b->request.path));
}

struct decoded { enum chunk_result result; enum err_code code; size_t used, n; uint64_t hash; };

static struct decoded decode_in_pieces(str text, size_t step)
{
	struct decoded d = { .result = CHUNK_MORE };
	struct chunks c;

	chunks_start(&c);
	while (d.used < text.n && d.result == CHUNK_MORE) {
		str rest = str_sub(text, d.used, step), piece;
		size_t given = rest.n;

		while ((d.result = chunks_next(&c, &rest, &piece)) == CHUNK_DATA) {
			assert_inside(piece, text.p, text.n);
			d.n += piece.n;
			for (size_t i = 0; i < piece.n; i++)
				d.hash = d.hash * 31 + (unsigned char)piece.p[i];
		}
		d.used += given - rest.n;
	}
	d.code = c.code;
	return d;
}

static void check_chunks(str text, size_t step)
{
	struct decoded a = decode_in_pieces(text, text.n), b = decode_in_pieces(text, step);

	assert(a.result == b.result && a.code == b.code && a.used == b.used);
	assert(a.n == b.n && a.hash == b.hash && a.n <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct parsed whole, pieces;
	struct arena *a;
	size_t n, step;
	char *bytes;

	if (size < 2)
		return 0;
	step = data[0] % 32 + 1u;
	n = size - 1;
	bytes = malloc(n);   /* exactly, so that one byte too far is seen */
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data + 1, n);
	parse_in_pieces(&whole, bytes, n, n);
	parse_in_pieces(&pieces, bytes, n, step);
	assert_same(&whole, &pieces);
	if (whole.result == PARSE_DONE) {
		str rest = { bytes + whole.parse.at, n - whole.parse.at };

		assert_sane(&whole, bytes, n);
		a = arena_create(1024);
		parse_join_repeated(&whole.parse, a);
		arena_destroy(a);
		if (whole.parse.body == PARSE_BODY_CHUNKED && rest.n > 0)
			check_chunks(rest, step);
	}
	check_chunks((str){ bytes, n }, step);
	free(bytes);
	return 0;
}
