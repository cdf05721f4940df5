/* SPDX-License-Identifier: MIT */
#include "publish/pack.h"

#include <stdlib.h>

#include <brotli/encode.h>
#include <libdeflate.h>

#include "publish/publisher.h"

enum {
	GZIP_CHEAP = 1, GZIP_BEST = 9,
	BROTLI_AT_ONCE = 5, BROTLI_BEHIND = 11,
	BROTLI_WINDOW = 22,
};

static str gzip(struct arena *a, str s, int level)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	size_t n;
	char *p;

	if (!c)
		abort();
	/* A result that is not shorter is of no use, so it need not fit. */
	p = arena_alloc(a, s.n);
	n = libdeflate_gzip_compress(c, s.p, s.n, p, s.n - 1);
	libdeflate_free_compressor(c);
	return n > 0 ? (str){ p, n } : STR_NONE;
}

static str brotli(struct arena *a, str s, int quality)
{
	size_t n = s.n - 1;
	uint8_t *p = arena_alloc(a, s.n);

	if (!BrotliEncoderCompress(quality, BROTLI_WINDOW, BROTLI_MODE_TEXT, s.n,
				   (const uint8_t *)s.p, &n, p))
		return STR_NONE;
	return (str){ (const char *)p, n };
}

void pack(struct arena *a, enum pack_effort effort, struct packed *out)
{
	str s = out->form[HOT_IDENTITY];

	if (s.n < PUBLISH_PACKED_BYTES_MIN)
		return;
	if (effort != PACK_BEHIND)
		out->form[HOT_GZIP] = gzip(a, s, effort == PACK_CHEAP ? GZIP_CHEAP : GZIP_BEST);
	if (effort != PACK_CHEAP)
		out->form[HOT_BROTLI] =
			brotli(a, s, effort == PACK_BEHIND ? BROTLI_BEHIND : BROTLI_AT_ONCE);
}

bool unpack_gzip(struct arena *a, str packed, size_t bytes, str *out)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	char *p = arena_alloc(a, bytes + 1);
	bool ok;

	if (!d)
		abort();
	ok = libdeflate_gzip_decompress(d, packed.p, packed.n, p, bytes, NULL) ==
	     LIBDEFLATE_SUCCESS;
	libdeflate_free_decompressor(d);
	if (ok)
		*out = (str){ p, bytes };
	return ok;
}
