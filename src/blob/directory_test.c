/* SPDX-License-Identifier: MIT */
#include "blob/blob.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/test.h"

struct home { struct arena *a; struct blobs *b; str directory; };

static struct home home_make(void)
{
	char path[128];
	struct home h = { .a = arena_create(4 * KIB) };
	struct err e = { 0 };

	test_directory(path, sizeof(path), "blobs");
	h.directory = arena_printf(h.a, "%s/bodies", path);
	CHECK(blobs_open(h.directory, &h.b, &e));
	return h;
}

static int unlink_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void home_drop(struct home *h)
{
	str top = str_sub(h->directory, 0, h->directory.n - (sizeof("/bodies") - 1));

	blobs_close(&h->b);
	nftw(arena_cstr(h->a, top), unlink_entry, 8, FTW_DEPTH | FTW_PHYS);
	arena_destroy(h->a);
}

static str name_of(struct home *h, str bytes)
{
	struct digest d = sha256(bytes);

	return digest_hex(h->a, &d);
}

static struct blob_item item_of(struct home *h, str bytes)
{
	return (struct blob_item){ name_of(h, bytes), BLOB_IDENTITY, bytes };
}

static bool stored(struct home *h, str name, enum blob_form form, str want)
{
	struct err e = { 0 };
	struct buf out;
	bool same;

	buf_init(&out, MIB);
	same = blobs_get(h->b, name, form, &out, &e) && str_eq(buf_view(&out), want);
	buf_fini(&out);
	return same;
}

static int open_body(struct home *h, str name, const char *suffix, int flags)
{
	str path = arena_printf(h->a, FMT_STR "/%.2s/" FMT_STR "%s", ARG_STR(h->directory), name.p,
	                        ARG_STR(name), suffix);

	return open(arena_cstr(h->a, path), flags);
}

TEST(blob_put_is_read_back_in_every_form)
{
	struct home h = home_make();
	struct blob_item v[3] = { item_of(&h, S("{\"a\":1}")) };
	struct err e = { 0 };

	v[1] = (struct blob_item){ v[0].name, BLOB_GZIP, S("gz bytes") };
	v[2] = (struct blob_item){ v[0].name, BLOB_BROTLI, S("br bytes") };
	CHECK(blobs_put(h.b, v, 3, &e));
	for (int i = 0; i < 3; i++)
		CHECK(stored(&h, v[i].name, v[i].form, v[i].bytes));
	CHECK(blobs_put(h.b, v, 3, &e));
	home_drop(&h);
}

TEST(blob_put_of_many_needs_no_sync_each_and_all_are_there)
{
	struct home h = home_make();
	struct blob_item v[40];
	struct err e = { 0 };

	for (int i = 0; i < 40; i++)
		v[i] = item_of(&h, arena_printf(h.a, "body %d", i));
	CHECK(blobs_put(h.b, v, 40, &e));
	for (int i = 0; i < 40; i++)
		CHECK(blobs_has(h.b, v[i].name, BLOB_IDENTITY) &&
		      !blobs_has(h.b, v[i].name, BLOB_GZIP));
	home_drop(&h);
}

TEST(blob_get_of_a_missing_one_is_not_found)
{
	struct home h = home_make();
	struct err e = { 0 };
	struct buf out;

	buf_init(&out, KIB);
	CHECK(!blobs_get(h.b, name_of(&h, S("nothing")), BLOB_IDENTITY, &out, &e));
	CHECK_I64(e.code, ERR_NOT_FOUND);
	CHECK(!blobs_get(h.b, S("../../etc/passwd"), BLOB_IDENTITY, &out, &e));
	CHECK_I64(e.code, ERR_NOT_FOUND);
	buf_fini(&out);
	home_drop(&h);
}

TEST(blob_get_refuses_damaged_bytes)
{
	static const char *const suffix[] = { "", ".br" };
	struct home h = home_make();
	struct blob_item v[2] = { item_of(&h, S("the truth")) };
	struct err e = { 0 };
	struct buf out;

	v[1] = (struct blob_item){ v[0].name, BLOB_BROTLI, S("compressed truth") };
	CHECK(blobs_put(h.b, v, 2, &e));
	buf_init(&out, KIB);
	for (int i = 0; i < 2; i++) {
		int fd = open_body(&h, v[0].name, suffix[i], O_WRONLY);

		CHECK(fd >= 0 && pwrite(fd, "X", 1, 4) == 1 && close(fd) == 0);
		CHECK(!blobs_get(h.b, v[i].name, v[i].form, &out, &e));
		CHECK_I64(e.code, ERR_INTERNAL);
		CHECK_I64((int64_t)out.n, 0);
	}
	buf_fini(&out);
	home_drop(&h);
}

TEST(blob_put_repairs_a_truncated_body)
{
	struct home h = home_make();
	struct blob_item v = item_of(&h, S("a body of some length"));
	struct err e = { 0 };
	int fd;

	CHECK(blobs_put(h.b, &v, 1, &e));
	fd = open_body(&h, v.name, "", O_WRONLY);
	CHECK(fd >= 0 && ftruncate(fd, 3) == 0 && close(fd) == 0);
	CHECK(blobs_put(h.b, &v, 1, &e));
	CHECK(stored(&h, v.name, BLOB_IDENTITY, v.bytes));
	home_drop(&h);
}

TEST(blob_replace_swaps_a_form)
{
	struct home h = home_make();
	struct blob_item v = { name_of(&h, S("x")), BLOB_BROTLI, S("level five") };
	struct err e = { 0 };

	CHECK(blobs_put(h.b, &v, 1, &e));
	v.bytes = S("eleven");
	CHECK(blobs_replace(h.b, &v, &e));
	CHECK(stored(&h, v.name, BLOB_BROTLI, S("eleven")));
	home_drop(&h);
}

static bool count(str name, int64_t age_ms, void *arg)
{
	CHECK(name.n == BLOB_NAME_BYTES && age_ms < 60 * 1000);
	++*(int *)arg;
	return true;
}

TEST(blob_each_and_remove_see_every_name_once)
{
	struct home h = home_make();
	struct blob_item v[3] = { item_of(&h, S("one")), item_of(&h, S("two")) };
	struct err e = { 0 };
	int n = 0;

	v[2] = (struct blob_item){ v[0].name, BLOB_GZIP, S("gz") };
	CHECK(blobs_put(h.b, v, 3, &e));
	CHECK(blobs_each(h.b, count, &n, &e));
	CHECK_I64(n, 2);
	CHECK(blobs_remove(h.b, v[0].name, &e) && blobs_remove(h.b, v[0].name, &e));
	CHECK(!blobs_has(h.b, v[0].name, BLOB_GZIP) && blobs_has(h.b, v[1].name, BLOB_IDENTITY));
	home_drop(&h);
}

TEST(blob_put_on_a_full_disk_is_unavailable_and_leaves_nothing)
{
	struct home h = home_make();
	struct blob_item v[2] = { item_of(&h, S("small")) };
	struct rlimit before, tight;
	struct err e = { 0 };
	char *big = calloc(1, 64 * KIB);
	bool ok;

	v[1] = item_of(&h, (str){ big, 64 * KIB });
	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	tight = before;
	tight.rlim_cur = 16 * KIB;
	CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	ok = blobs_put(h.b, v, 2, &e);
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(!ok);
	CHECK_I64(e.code, ERR_UNAVAILABLE);
	CHECK(e.retry_after_s > 0);
	CHECK(!blobs_has(h.b, v[0].name, BLOB_IDENTITY) &&
	      !blobs_has(h.b, v[1].name, BLOB_IDENTITY));
	free(big);
	home_drop(&h);
}

TEST(blobs_open_of_an_unusable_place_is_unavailable)
{
	struct blobs *b = NULL;
	struct err e = { 0 };

	CHECK(!blobs_open(S("/dev/null/bodies"), &b, &e));
	CHECK_I64(e.code, ERR_UNAVAILABLE);
}
