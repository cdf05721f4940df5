/* SPDX-License-Identifier: MIT
 *
 * Every allocation made to fail once; many threads on one connection. */
#include "client/fake_test.h"

#include <sched.h>
#include <unistd.h>

#include "base/test.h"

enum { THREADS = 16, CALLS_EACH = 100, HOURS = 3, HOUR_MS = 3600 * 1000, TICK_MS = 5000, TICK_US = 1000,
       FAILURES_MAX = 5000 };

static struct fake f;

/* A whole life of a connection; BI18N_ENOMEM wherever memory ran out. */
static enum bi18n_code whole_life(struct bi18n **client)
{
	struct bi18n_options      options = fake_options(&f);
	struct bi18n_request      request = { .method = "POST", .path = "/api/x", .body = "{}", .body_n = 2 };
	struct bi18n_connections *list = NULL;
	struct bi18n_answer      *answer = NULL;
	static struct bi18n_error error;
	enum bi18n_code           code = fake_open(&f, &options, client);

	if (code == BI18N_OK)
		code = fake_connect(*client, &f, &error);
	if (code == BI18N_OK)
		code = bi18n_request(*client, "u1", "acme", &request, NULL, &answer, &error);
	bi18n_free(answer);
	answer = NULL;
	if (code == BI18N_OK)
		code = bi18n_trpc_query(*client, "u1", NULL, "mcp.listProjects", NULL, NULL, &answer, &error);
	if (code == BI18N_EPROTOCOL)
		code = BI18N_OK;             /* the platform in memory knows no procedure */
	bi18n_free(answer);
	answer = NULL;
	f.steady_ms += 3600 * 1000;
	if (code == BI18N_OK)
		code = bi18n_cdn_get(*client, "acme/web", "en", NULL, NULL, &answer, &error);
	if (code == BI18N_EREFUSED)
		code = BI18N_OK;             /* nor a CDN without a token */
	if (code == BI18N_OK)
		code = bi18n_rotate_keys(*client, NULL, &error);
	if (code == BI18N_OK)
		code = bi18n_connections(*client, "u1", &list, &error);
	if (code == BI18N_OK)
		code = bi18n_disconnect(*client, "u1", "acme", NULL, &error);
	bi18n_free(list);
	bi18n_free(answer);
	return code;
}

TEST(every_allocation_may_fail_and_nothing_leaks)
{
	int n;

	for (n = 0; n < FAILURES_MAX; n++) {
		struct bi18n   *client = NULL;
		enum bi18n_code code;

		fake_begin(&f);
		f.allocations_left = n;
		code = whole_life(&client);
		f.allocations_left = -1;
		bi18n_close(&client);
		fake_end(&f);
		if (!f.denied)
			break;
		/* What only serves speed may be left out. */
		CHECK(code == BI18N_ENOMEM || code == BI18N_OK);
	}
	CHECK(n > 50 && n < FAILURES_MAX);
}

static void *many_calls(void *context)
{
	struct bi18n *client = context;

	while (__atomic_load_n(&f.steady_ms, __ATOMIC_SEQ_CST) < HOURS * HOUR_MS) {
		char token[BI18N_TOKEN_MAX];

		for (int i = 0; i < CALLS_EACH; i++) {
			CHECK_I64(bi18n_installation_token(client, "u1", "acme", NULL, token, NULL, NULL), BI18N_OK);
			CHECK(strncmp(token, "bi_oat_", 7) == 0);
		}
	}
	return NULL;
}

TEST(seed_05_many_threads_over_hours_are_two_mints_an_hour_at_most)
{
	struct bi18n_options options;
	struct bi18n        *client = NULL;
	pthread_t            threads[THREADS];

	fake_begin(&f);
	options = fake_options(&f);
	options.timeout_ms = 3600 * 1000;        /* the others move the clock while one waits */
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(fake_connect(client, &f, NULL), BI18N_OK);
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, many_calls, client) == 0);
	for (; f.steady_ms < HOURS * HOUR_MS; usleep(TICK_US))
		__atomic_add_fetch(&f.steady_ms, TICK_MS, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(f.mints >= HOURS && f.mints <= 2 * HOURS);
	bi18n_close(&client);
	fake_end(&f);
}

/* A mint that does not come to an end until it is let go. */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool     minting;

static void hold_mint(struct fake *fake, const char *url)
{
	(void)fake;
	if (strstr(url, "/tokens") == NULL)
		return;
	atomic_store(&minting, true);
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
}

static void *take_token(void *context)
{
	char token[BI18N_TOKEN_MAX];

	CHECK_I64(bi18n_installation_token(context, "u1", "acme", NULL, token, NULL, NULL), BI18N_OK);
	return NULL;
}

TEST(who_waits_for_another_threads_mint_can_be_cancelled)
{
	struct bi18n_cancel *cancel = bi18n_cancel_create();
	struct bi18n_options options;
	struct bi18n        *client = NULL;
	char                 token[BI18N_TOKEN_MAX];
	pthread_t            thread;

	fake_begin(&f);
	options = fake_options(&f);
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(fake_connect(client, &f, NULL), BI18N_OK);
	f.on_request = hold_mint;
	atomic_store(&minting, false);
	pthread_mutex_lock(&held);
	CHECK(pthread_create(&thread, NULL, take_token, client) == 0);
	while (!atomic_load(&minting))
		sched_yield();
	bi18n_cancel(cancel);
	CHECK_I64(bi18n_installation_token(client, "u1", "acme", &(struct bi18n_call){ .cancel = cancel }, token, NULL,
	                                   NULL), BI18N_ECANCELED);
	pthread_mutex_unlock(&held);
	pthread_join(thread, NULL);
	CHECK_I64(f.mints, 1);
	bi18n_cancel_destroy(&cancel);
	bi18n_close(&client);
	fake_end(&f);
}

TEST(an_idle_connection_is_at_most_one_kib)
{
	CHECK(sizeof(struct entry) <= 900);
}
