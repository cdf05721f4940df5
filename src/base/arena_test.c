/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/buf.h"

#include "base/test.h"

#include <stdalign.h>
#include <string.h>

TEST(arena_gives_zeroed_aligned_memory_again_after_reset)
{
	struct arena *a = arena_create(512);

	for (int round = 0; round < 3; round++) {
		for (size_t n = 1; n < 3000; n += 37) {
			unsigned char *p = arena_alloc(a, n);

			CHECK((uintptr_t)p % alignof(max_align_t) == 0);
			for (size_t i = 0; i < n; i++)
				CHECK(p[i] == 0);
			memset(p, 0xff, n);
			arena_printf(a, "%zu", n);       /* upsets the alignment */
		}
		arena_reset(a);
	}
	arena_destroy(a);
}

TEST(arena_reset_keeps_the_first_block_only)
{
	struct arena *a = arena_create(1024);
	size_t at_start = arena_bytes(a);

	for (int i = 0; i < 100; i++)
		arena_alloc(a, 700);
	arena_alloc(a, 5 * MIB);
	CHECK(arena_bytes(a) > 5 * MIB);
	arena_reset(a);
	CHECK_I64((int64_t)arena_bytes(a), (int64_t)at_start);
	arena_destroy(a);
}

TEST(arena_takes_a_large_piece_first_and_survives_reset)
{
	struct arena *a = arena_create(256);

	for (int i = 0; i < 3; i++) {
		memset(arena_alloc(a, 3 * MIB), 1, 3 * MIB);
		memset(arena_alloc(a, 100), 1, 100);
		memset(arena_alloc(a, 3 * MIB), 1, 3 * MIB);
		arena_reset(a);
	}
	arena_destroy(a);
}

static char order[8];
static size_t order_n;

static void note(void *arg)
{
	order[order_n++] = *(char *)arg;
}

TEST(arena_runs_deferred_calls_last_in_first_out_and_once)
{
	struct arena *a = arena_create(256);

	order_n = 0;
	arena_defer(a, note, &(char){ 'a' });
	arena_defer(a, note, &(char){ 'b' });
	arena_reset(a);
	arena_defer(a, note, &(char){ 'c' });
	arena_destroy(a);
	CHECK_STR(((str){ order, order_n }), S("bac"));
	arena_destroy(NULL);
}

TEST(arena_makes_texts)
{
	struct arena *a = arena_create(256);
	str parts[] = { STR("a"), STR(""), STR("c") };
	str longer;

	CHECK_STR(arena_str(a, STR_NONE), STR_NONE);
	CHECK_STR(arena_str(a, S("")), S(""));
	CHECK_STR(arena_lower(a, S("AbZ\xc3\x84@[")), S("abz\xc3\x84@["));
	CHECK_STR(arena_join(a, parts, COUNT(parts), S(", ")), S("a, , c"));
	CHECK_STR(arena_join(a, NULL, 0, S(", ")), S(""));
	CHECK(strcmp(arena_cstr(a, S("xyz")), "xyz") == 0);
	CHECK_STR(arena_printf(a, "%d-" FMT_STR, 7, ARG_STR(S("x"))), S("7-x"));
	longer = arena_printf(a, "%01000d", 1);
	CHECK_I64((int64_t)longer.n, 1000);
	CHECK(longer.p[999] == '1');
	arena_destroy(a);
}

TEST(buf_grows_to_its_maximum_and_then_stays_full)
{
	struct buf b;

	buf_init(&b, 300);
	for (int i = 0; i < 30; i++)
		BUF_LIT(&b, "0123456789");
	CHECK(!b.full);
	CHECK_I64((int64_t)b.n, 300);
	buf_char(&b, 'x');
	CHECK(b.full);
	CHECK_I64((int64_t)buf_view(&b).n, 300);
	buf_reset(&b);
	BUF_LIT(&b, "again");
	CHECK_STR(buf_view(&b), S("again"));
	buf_fini(&b);
	buf_fini(NULL);
}

TEST(buf_appends_nothing_small_after_something_did_not_fit)
{
	struct buf b;

	buf_init(&b, 8);
	BUF_LIT(&b, "too long for it");
	buf_char(&b, 'x');
	CHECK(b.full);
	CHECK_STR(buf_view(&b), S(""));
	buf_fini(&b);
}

TEST(buf_prints_numbers_and_formats)
{
	struct arena *a = arena_create(256);
	struct buf b;

	buf_init_arena(&b, a, 4096);
	buf_i64(&b, INT64_MIN);
	buf_char(&b, ' ');
	buf_i64(&b, 0);
	buf_printf(&b, " %s %01000d", "x", 5);
	CHECK(str_starts(buf_view(&b), S("-9223372036854775808 0 x 0000")));
	CHECK_I64((int64_t)b.n, 25 + 1000);
	CHECK(buf_reserve(&b, 4096 - b.n));
	CHECK(!buf_reserve(&b, 4096 - b.n + 1));
	arena_destroy(a);
}

TEST(arena_that_wipes_leaves_nothing_behind)
{
	struct arena *a = arena_create(256);
	char *first;

	arena_wipe_always(a);
	for (int blocks = 1; blocks <= 3; blocks++) {
		first = arena_text(a, 32);
		memset(first, 's', 32);
		for (int i = 1; i < blocks; i++)
			memset(arena_raw(a, 5000), 's', 5000);
		arena_reset(a);
		CHECK(arena_text(a, 32) == first);
		for (int i = 0; i < 32; i++)
			CHECK(first[i] == 0);
		arena_reset(a);
	}
	arena_destroy(a);
}
