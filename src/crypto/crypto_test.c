/* SPDX-License-Identifier: MIT */
#include "crypto/crypto.h"

#include "base/clock.h"
#include "base/test.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(sha256_matches_fips_180_4)
{
	struct arena *a = arena_create(1024);
	struct digest d = sha256(S("abc")), empty = sha256(STR_NONE);

	CHECK_STR(digest_hex(a, &d),
		  S("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK_STR(digest_hex(a, &empty),
		  S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	arena_destroy(a);
}

TEST(hmac_sha256_matches_rfc_4231_cases_1_2_and_6)
{
	struct arena *a = arena_create(1024);
	uint8_t key[131];
	struct digest d;

	memset(key, 0x0b, 20);
	d = hmac_sha256(key, 20, S("Hi There"));
	CHECK_STR(digest_hex(a, &d),
		  S("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
	d = hmac_sha256((const uint8_t *)"Jefe", 4, S("what do ya want for nothing?"));
	CHECK_STR(digest_hex(a, &d),
		  S("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
	memset(key, 0xaa, 131);
	d = hmac_sha256(key, 131, S("Test Using Larger Than Block-Size Key - Hash Key First"));
	CHECK_STR(digest_hex(a, &d),
		  S("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
	arena_destroy(a);
}

static void *hash_in_thread(void *arg)
{
	struct digest d = sha256(S("abc"));

	*(struct digest *)arg = d;
	return NULL;
}

TEST(sha256_in_another_thread_gives_the_same)
{
	struct digest here = sha256(S("abc")), there;
	pthread_t t;

	CHECK(pthread_create(&t, NULL, hash_in_thread, &there) == 0);
	pthread_join(t, NULL);
	CHECK(digest_equal(&here, &there));
	there.b[31] ^= 1;
	CHECK(!digest_equal(&here, &there));
}

TEST(crc32_is_that_of_zlib)
{
	CHECK(crc32_of(S("123456789")) == 0xcbf43926u);
	CHECK(crc32_of(STR_NONE) == 0);
}

TEST(secret_equal_compares_all_bytes)
{
	CHECK(secret_equal(S("abc"), S("abc")) && secret_equal(S(""), STR_NONE));
	CHECK(!secret_equal(S("abc"), S("abd")) && !secret_equal(S("abc"), S("abcd")));
}

TEST(seal_opens_only_with_its_key_and_context_and_untouched)
{
	struct arena *a = arena_create(1024);
	uint8_t key[KEY_BYTES] = { 1 }, other[KEY_BYTES] = { 2 };
	str sealed = seal(a, key, S("family 7"), S("secret")), out = STR_NONE;

	CHECK(unseal(a, key, S("family 7"), sealed, &out));
	CHECK_STR(out, S("secret"));
	out = STR_NONE;
	CHECK(!unseal(a, other, S("family 7"), sealed, &out));
	CHECK(!unseal(a, key, S("family 8"), sealed, &out));
	for (size_t i = 0; i < sealed.n; i++) {
		char *damaged = arena_cstr(a, sealed);

		damaged[i] ^= 1;
		CHECK(!unseal(a, key, S("family 7"), (str){ damaged, sealed.n }, &out));
		CHECK(!unseal(a, key, S("family 7"), str_sub(sealed, 0, i), &out));
	}
	CHECK(out.p == NULL);
	arena_destroy(a);
}

TEST(seal_takes_the_empty_text_and_never_repeats_itself)
{
	struct arena *a = arena_create(1024);
	uint8_t key[KEY_BYTES] = { 1 };
	str one = seal(a, key, STR_NONE, STR_NONE), two = seal(a, key, STR_NONE, STR_NONE), out;

	CHECK(unseal(a, key, STR_NONE, one, &out) && out.n == 0 && out.p != NULL);
	CHECK(!str_eq(one, two));
	arena_destroy(a);
}

TEST(password_verifies_and_an_absent_hash_never_does)
{
	struct arena *a = arena_create(1024);
	str hash = password_hash(a, S("correct horse battery"));

	CHECK(str_starts(hash, S("$argon2id$v=19$m=19456,t=2,p=1$")));
	CHECK(password_verify(hash, S("correct horse battery")));
	CHECK(!password_verify(hash, S("correct horse batterz")));
	CHECK(!password_verify(STR_NONE, S("correct horse battery")));
	CHECK(!password_verify(S("$2b$12$no"), S("x")));
	arena_destroy(a);
}

TEST(password_for_nobody_costs_what_a_real_one_costs)
{
	struct arena *a = arena_create(1024);
	str hash = password_hash(a, S("correct horse battery"));
	int64_t best[2] = { INT64_MAX, INT64_MAX };

	for (int i = 0; i < 6; i++) {
		int64_t start = clock_mono_ns(), took;

		CHECK(!password_verify(i % 2 == 0 ? hash : STR_NONE, S("wrong password")));
		took = clock_mono_ns() - start;
		best[i % 2] = took < best[i % 2] ? took : best[i % 2];
	}
	CHECK(best[1] > best[0] / 3);
	arena_destroy(a);
}

TEST(random_ids_are_positive_and_differ)
{
	struct arena *a = arena_create(1024);
	int64_t one = random_id(), two = random_id();
	str id = public_id(a, S("org_"));

	CHECK(one > 0 && one <= INT64_MAX >> 1 && one != two);
	CHECK(id.n == 24 && str_starts(id, S("org_")));
	CHECK(!str_eq(id, public_id(a, S("org_"))));
	arena_destroy(a);
}

TEST(uuid_v4_has_its_version_and_variant)
{
	struct arena *a = arena_create(1024);
	str id = uuid_v4(a);

	CHECK(is_uuid(id) && id.p[14] == '4' && str_has(S("89ab"), id.p[19]));
	arena_destroy(a);
}

TEST(server_key_is_created_once_and_read_back)
{
	struct arena *a = arena_create(1024);
	char dir[128];
	uint8_t made[KEY_BYTES], read[KEY_BYTES];
	struct err e = { 0 };
	const char *path;

	test_directory(dir, sizeof(dir), "bi18n-key");
	path = arena_cstr(a, arena_printf(a, "%s/key", dir));
	CHECK(!server_key_load(path, read, &e) && e.code == ERR_NOT_FOUND);
	CHECK(server_key_create(path, made, &e));
	CHECK(server_key_load(path, read, &e));
	CHECK(memcmp(made, read, KEY_BYTES) == 0);
	CHECK(!server_key_create(path, read, &e) && e.code == ERR_CONFLICT);
	CHECK_STR(server_key_fingerprint(a, made), server_key_fingerprint(a, read));
	CHECK(server_key_fingerprint(a, made).n == 32);
	unlink(path);
	rmdir(dir);
	arena_destroy(a);
}

TEST(server_key_that_others_may_read_or_that_is_damaged_is_refused)
{
	struct arena *a = arena_create(1024);
	char dir[128];
	uint8_t key[KEY_BYTES];
	struct err e = { 0 };
	const char *path;
	FILE *f;

	test_directory(dir, sizeof(dir), "bi18n-key");
	path = arena_cstr(a, arena_printf(a, "%s/key", dir));
	CHECK(server_key_create(path, key, &e));
	CHECK(chmod(path, 0640) == 0);
	CHECK(!server_key_load(path, key, &e) && e.code == ERR_FORBIDDEN);
	CHECK(chmod(path, 0600) == 0);
	f = fopen(path, "w");
	CHECK(f != NULL && fputs("c2hvcnQ\n", f) >= 0 && fclose(f) == 0);
	CHECK(!server_key_load(path, key, &e) && e.code == ERR_INVALID_REQUEST);
	CHECK(!server_key_load(dir, key, &e) && e.code == ERR_FORBIDDEN);
	unlink(path);
	rmdir(dir);
	arena_destroy(a);
}
