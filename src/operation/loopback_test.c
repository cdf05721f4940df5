/* SPDX-License-Identifier: MIT */
#include "operation/loopback_test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/apps.h"
#include "access/bearer.h"
#include "base/clock.h"
#include "base/test.h"
#include "crypto/crypto.h"
#include "crypto/token.h"
#include "store/db.h"

enum { REPLY_BYTES_MAX = 64 * 1024 * 1024 };

static const struct organization acme = { .id = 1, .public_id = STR("org_acme"), .slug = STR("acme"), .name = STR("Acme") };

static void add_grant(struct bench *b, const struct act *act, int64_t id, str public_id)
{
	bearer_grant_put(act, &(struct bearer_grant){
		.id = id, .app_id = 1, .account_id = 1, .scopes = SCOPE_ORG_READ | SCOPE_PROJECTS_READ, .version = 1,
		.projects = { .mode = PROJECTS_ALL }, .public_id = public_id, .organization = acme,
	});
	(void)b;
}

static str add_token(struct bench *b, const struct act *act, int64_t grant_id)
{
	str text = token_random(b->arena, TOKEN_INSTALLATION);

	bearer_token_add(act, &(struct bearer_token){
		.digest = sha256(text), .grant_id = grant_id, .grant_version = 1,
		.scopes = SCOPE_ORG_READ | SCOPE_PROJECTS_READ, .expires_ms = clock_now_ms() + 3600 * 1000,
		.projects = { .mode = PROJECTS_ALL },
	});
	return text;
}

static str add_key(struct bench *b, const struct act *act, int64_t id, bool is_public)
{
	str text = token_random(b->arena, is_public ? TOKEN_PUBLIC_KEY : TOKEN_SECRET_KEY);

	bearer_key_add(act, &(struct bearer_key){
		.digest = sha256(text), .id = id, .scopes = is_public ? SCOPE_NONE : SCOPE_ALL, .organization = acme,
		.projects = { .mode = PROJECTS_ALL }, .is_public = is_public,
	});
	return text;
}

static void add_credentials(struct bench *b)
{
	struct act act = {
		.bearers = b->bearers, .arena = b->arena, .settings = &b->settings, .now_ms = clock_now_ms(),
	};

	bearer_organization_put(&act, &acme);
	add_grant(b, &act, 1, S("grt_live"));
	add_grant(b, &act, 2, S("grt_revoked"));
	b->install = add_token(b, &act, 1);
	b->revoked = add_token(b, &act, 2);
	bearer_grant_deny(&act, 2);
	b->secret_key = add_key(b, &act, 1, false);
	b->public_key = add_key(b, &act, 2, true);
}

struct bench *bench_open(void)
{
	struct arena *a = arena_create(64 * KIB);
	struct bench *b = arena_new(a, struct bench);
	struct store_config config = {
		.readers = 2, .queue_max = 1024, .batch_tasks_max = 64, .batch_ms_max = 5, .create = true,
	};
	struct err e = { .code = ERR_NONE };

	crypto_init();
	b->arena = a;
	b->settings = (struct settings){
		.public_url = S("https://i18n.example"),
		.authorize_per_minute_max = 600,
		.client_failures_per_address_max = 60,
		.client_failures_per_app_max = 20, .cdn_base_url = S("https://i18n.example"),
		.requests_per_minute_max = 1000, .epoch = 1,
	};
	test_directory(b->directory, sizeof(b->directory), "bi18n-bench");
	config.data_dir = str_from(b->directory);
	if (!store_open(&config, &b->store, &e))
		test_fail(__FILE__, __LINE__, e.say);
	b->bearers = bearers_create(&b->settings);
	b->apps = apps_create();
	add_credentials(b);
	b->env = operation_env_create(&(struct operation_config){
		.store = b->store, .bearers = b->bearers, .apps = b->apps, .settings = &b->settings,
		.operator_token = S("operator-secret"), .read_threads = 2, .slow_threads = 2,
	});
	return b;
}

static void remove_directory(struct bench *b)
{
	static const char *const names[] = { "bi18n.db", "bi18n.db-wal", "bi18n.db-shm", "lock" };

	for (size_t i = 0; i < COUNT(names); i++)
		(void)unlink(arena_cstr(b->arena, arena_printf(b->arena, "%s/%s", b->directory, names[i])));
	(void)rmdir(b->directory);
}

void bench_close(struct bench *b)
{
	operation_env_destroy(b->env);
	store_close(b->store);
	apps_destroy(b->apps);
	bearers_destroy(b->bearers);
	remove_directory(b);
	arena_destroy(b->arena);
}

struct reply loopback_ask(struct arena *a, int port, str request)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct reply r = { .status = 0 };
	ptrdiff_t split;
	struct buf b;
	ssize_t n;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	for (size_t at = 0; at < request.n; at += (size_t)n) {
		n = write(fd, request.p + at, request.n - at);
		CHECK(n > 0);
	}
	buf_init_arena(&b, a, REPLY_BYTES_MAX);
	for (char chunk[16384]; (n = read(fd, chunk, sizeof chunk)) > 0;)
		buf_str(&b, (str){ chunk, (size_t)n });
	close(fd);
	split = str_find(buf_view(&b), S("\r\n\r\n"));
	CHECK(split > 12);
	r.head = str_sub(buf_view(&b), 0, (size_t)split + 2);
	r.body = str_from_at(buf_view(&b), (size_t)split + 4);
	r.status = (r.head.p[9] - '0') * 100 + (r.head.p[10] - '0') * 10 + (r.head.p[11] - '0');
	return r;
}

str reply_header(const struct reply *r, str name)
{
	str rest = r->head, line, got;

	while (str_cut(&rest, '\n', &line)) {
		if (str_cut(&line, ':', &got) && str_eq_nocase(got, name))
			return str_trim(str_sub(line, 0, line.n - 1));
	}
	return STR_NONE;
}
