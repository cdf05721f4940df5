/* SPDX-License-Identifier: MIT
 *
 * Response heads of delivered bodies. Source: contract "cdn-and-cli" 10.3-10.5. */
#include "cdn/cdn.h"
#include "cdn/cdn_int.h"

#include "base/clock.h"

enum { HTTP_DATE_BYTES = 30 };

#define CACHE_A_MINUTE \
	"public, max-age=60, s-maxage=60, stale-while-revalidate=60, stale-if-error=86400"

/* A publish is visible everywhere within a minute; clients know the manifest's age by asking. */
static const str cache_control[] = {
	[HOT_MANIFEST] = STR("public, max-age=0, s-maxage=0, must-revalidate"),
	[HOT_CURRENT] = STR(CACHE_A_MINUTE),
	[HOT_FROZEN] = STR("public, max-age=31536000, immutable"),
	[HOT_BATCH] = STR(CACHE_A_MINUTE),
};
static const str content_encoding[HOT_FORMS] = {
	[HOT_GZIP] = STR("Content-Encoding: gzip\r\n"),
	[HOT_BROTLI] = STR("Content-Encoding: br\r\n"),
};

static void put_validators(struct buf *b, const struct hot_facts *f)
{
	char date[HTTP_DATE_BYTES];

	clock_http_date(f->modified_ms, date);
	buf_printf(b,
		   "ETag: " FMT_STR "\r\nLast-Modified: %s\r\nCache-Control: " FMT_STR
		   "\r\n" CDN_COMMON_HEADERS,
		   ARG_STR(f->etag), date, ARG_STR(cache_control[f->class]));
}

void cdn_head(struct buf *b, const struct hot_facts *f, enum hot_form form, bool unchanged)
{
	if (unchanged) {
		BUF_LIT(b, "HTTP/1.1 304 Not Modified\r\n");
		put_validators(b, f);
		return;
	}
	buf_printf(b, "HTTP/1.1 200 OK\r\n" CDN_JSON_HEADERS "Content-Length: %zu\r\n",
		   f->bytes[form]);
	buf_str(b, content_encoding[form]);
	put_validators(b, f);
	if (f->class == HOT_BATCH)
		buf_printf(
			b,
			"X-Batch-Requested: %lld\r\nX-Batch-Count: %lld\r\nX-Cache-Status: HIT\r\n",
			(long long)f->spaces_asked, (long long)f->spaces_found);
}
