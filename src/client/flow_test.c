/* SPDX-License-Identifier: MIT
 *
 * The life of a connection against a platform in memory. Source of the rules: contract "seed" rows 02 to 13. */
#include "client/fake_test.h"

#include "base/test.h"

static struct fake         f;
static struct bi18n       *client;
static struct bi18n_error  error;

static void begin_with(struct bi18n_options (*change)(struct bi18n_options))
{
	struct bi18n_options options;

	fake_begin(&f);
	options = fake_options(&f);
	if (change != NULL)
		options = change(options);
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(fake_connect(client, &f, &error), BI18N_OK);
}

static void end(void)
{
	bi18n_close(&client);
	CHECK(client == NULL);
	fake_end(&f);
}

static enum bi18n_code call_with(const char *method)
{
	struct bi18n_request request = { .method = method, .path = "/api/oauth-client/organizations" };
	struct bi18n_answer *answer = NULL;
	enum bi18n_code      code = bi18n_request(client, "u1", "acme", &request, NULL, &answer, &error);

	bi18n_free(answer);
	return code;
}

static enum bi18n_code call(void)
{
	return call_with("GET");
}

static void advance(int64_t ms)
{
	f.steady_ms += ms;
	f.wall_ms += ms;
}

static enum bi18n_code state(void)
{
	struct bi18n_connections *list = NULL;
	enum bi18n_code           code;

	CHECK_I64(bi18n_connections(client, "u1", &list, NULL), BI18N_OK);
	CHECK_I64((int64_t)list->n, 1);
	code = list->v[0].state;
	bi18n_free(list);
	return code;
}

TEST(seed_05_an_hour_is_one_mint_and_the_last_minute_renews)
{
	begin_with(NULL);
	for (int i = 0; i < 100; i++)
		CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.mints, 1);
	advance(3600 * 1000 - 60 * 1000 - 1);
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.mints, 1);
	advance(1);
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.mints, 2);
	end();
}

TEST(seed_05_a_token_that_is_good_survives_a_failing_renewal)
{
	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	advance(3600 * 1000 - 50 * 1000);
	fake_fault_add(&f, (struct fake_fault){ .path = "/token", .times = 100, .status = 503, .body = "{}",
	                                        .retry_after = "30" });
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.mints, 1);
	advance(49 * 1000);
	CHECK_I64(call(), BI18N_TRY_LATER);
	end();
}

TEST(seed_08_what_a_refresh_brings_is_stored_before_it_is_used)
{
	char digest[80], want[BI18N_DIGEST_MAX];

	begin_with(NULL);
	f.rotating = true;
	CHECK_I64(call(), BI18N_OK);
	advance(3600 * 1000);
	/* The mint that would use the new access token never comes; the row has the successor all the same. */
	fake_fault_add(&f, (struct fake_fault){ .path = "/installations/", .times = 100, .status = 500, .body = "{}" });
	CHECK_I64(call(), BI18N_TRY_LATER);
	CHECK_I64(f.generation, 2);
	fake_column(&f, "refresh_digest", digest, sizeof(digest));
	CHECK(sha256_hex(S("rt_2"), want));
	CHECK_STR(str_from(digest), str_from(want));
	end();
}

TEST(seed_08_a_lost_refresh_answer_is_made_good_by_the_next)
{
	begin_with(NULL);
	f.rotating = true;
	CHECK_I64(call(), BI18N_OK);
	advance(3600 * 1000);
	fake_fault_add(&f, (struct fake_fault){ .path = "/auth/mcp/token", .times = 1, .carried_out = true });
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.refreshes, 2);
	CHECK_I64(state(), BI18N_CONNECTED);
	end();
}

TEST(seed_09_a_401_mints_once_more_and_only_once)
{
	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	f.tokens_from = 2;
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(f.mints, 2);
	f.tokens_from = 99;
	CHECK_I64(call(), BI18N_TRY_LATER);
	CHECK_I64(f.mints, 2);
	advance(31 * 1000);
	CHECK_I64(call(), BI18N_TRY_LATER);
	CHECK_I64(f.mints, 3);
	end();
}

TEST(seed_03_a_410_is_a_state_with_a_url_and_is_sent_once)
{
	int  before;
	char at[64];

	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	f.revoked = true;
	before = f.calls;
	CHECK_I64(call(), BI18N_RECONNECT_REQUIRED);
	CHECK_I64(f.calls, before + 1);
	CHECK(strstr(error.authorize_url, "scope=keys%3Aread%20keys%3Awrite") != NULL);
	CHECK_I64(state(), BI18N_RECONNECT_REQUIRED);
	/* From here on without a request. */
	before = f.requests;
	for (int i = 0; i < 10; i++)
		CHECK_I64(call(), BI18N_RECONNECT_REQUIRED);
	CHECK_I64(f.requests, before);
	fake_column(&f, "disconnected_at", at, sizeof(at));
	CHECK(strcmp(at, "NULL") != 0);
	/* Reconnecting clears it. */
	CHECK_I64(fake_connect(client, &f, &error), BI18N_OK);
	CHECK_I64(call(), BI18N_OK);
	fake_column(&f, "disconnected_at", at, sizeof(at));
	CHECK_STR(str_from(at), S("NULL"));
	end();
}

TEST(seed_04_a_missing_scope_is_a_state_with_the_union_and_is_sent_once)
{
	int before;

	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	before = f.calls;
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 1, .status = 403, .carried_out = true,
	                                        .body = "{\"error\":\"missing_scope\",\"required\":\"org:read\"}" });
	CHECK_I64(call(), BI18N_SCOPE_REQUIRED);
	CHECK_I64(f.calls, before + 1);
	CHECK_STR(str_from(error.required_scope), S("org:read"));
	CHECK(strstr(error.authorize_url, "scope=keys%3Aread%20keys%3Awrite%20org%3Aread") != NULL);
	CHECK_I64(state(), BI18N_SCOPE_REQUIRED);
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(state(), BI18N_CONNECTED);
	end();
}

TEST(retry_after_is_sat_out_or_told_and_holds_for_later_calls)
{
	int before;

	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 1, .status = 429, .retry_after = "1",
	                                        .body = "{\"error\":\"rate_limited\"}" });
	CHECK_I64(call(), BI18N_OK);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 1, .status = 429, .retry_after = "30",
	                                        .body = "{\"error\":\"rate_limited\"}" });
	CHECK_I64(call(), BI18N_RATE_LIMITED);
	CHECK_I64(error.retry_after_ms, 30000);
	before = f.requests;
	CHECK_I64(call(), BI18N_RATE_LIMITED);
	CHECK_I64(f.requests, before);
	advance(30 * 1000);
	CHECK_I64(call(), BI18N_OK);
	end();
}

TEST(trouble_is_retried_for_idempotent_calls_only)
{
	int before;

	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 2, .status = 0 });
	CHECK_I64(call(), BI18N_OK);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 1, .status = 502, .body = "" });
	before = f.requests;
	CHECK_I64(call_with("POST"), BI18N_TRY_LATER);
	CHECK_I64(f.requests, before + 1);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 100, .status = 502, .body = "" });
	before = f.requests;
	CHECK_I64(call(), BI18N_TRY_LATER);
	CHECK_I64(f.requests, before + 4);
	end();
}

TEST(a_redirect_is_refused)
{
	begin_with(NULL);
	fake_fault_add(&f, (struct fake_fault){ .path = "/organizations", .times = 1, .status = 302, .body = "" });
	CHECK_I64(call(), BI18N_EPROTOCOL);
	end();
}

TEST(seed_07_a_new_grant_id_updates_the_row)
{
	char id[64];

	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	f.grant = 2;
	f.tokens_from = 2;
	f.narrow = true;
	CHECK_I64(call(), BI18N_OK);
	fake_column(&f, "grant_id", id, sizeof(id));
	CHECK_STR(str_from(id), S("grt_2"));
	fake_column(&f, "project_ids", id, sizeof(id));
	CHECK_STR(str_from(id), S("[\"p1\"]"));
	fake_column(&f, "project_access", id, sizeof(id));
	CHECK_STR(str_from(id), S("selected"));
	end();
}

/* Another process, with a client of its own on the same store, refreshes while ours does. */
static bool raced;
static void other_process(struct fake *fake, const char *url)
{
	struct bi18n_options options;
	struct bi18n        *other = NULL;
	char                 token[BI18N_TOKEN_MAX];

	if (raced || strstr(url, "/auth/mcp/token") == NULL)
		return;
	raced = true;
	options = fake_options(fake);
	CHECK_I64(fake_open(fake, &options, &other), BI18N_OK);
	CHECK_I64(bi18n_installation_token(other, "u1", "acme", NULL, token, NULL, NULL), BI18N_OK);
	bi18n_close(&other);
}

TEST(two_processes_that_refresh_at_once_end_with_one_valid_token)
{
	char digest[80], want[BI18N_DIGEST_MAX];

	begin_with(NULL);
	f.rotating = true;
	CHECK_I64(call(), BI18N_OK);
	advance(3600 * 1000);
	raced = false;
	f.on_request = other_process;
	CHECK_I64(call(), BI18N_OK);
	fake_column(&f, "refresh_digest", digest, sizeof(digest));
	CHECK(sha256_hex(S("rt_2"), want));
	CHECK_STR(str_from(digest), str_from(want));
	CHECK_I64(state(), BI18N_CONNECTED);
	end();
}

static void reconnects(struct fake *fake, const char *url)
{
	struct bi18n_options options;
	struct bi18n        *other = NULL;

	if (raced || strstr(url, "/organizations") == NULL)
		return;
	raced = true;
	fake->revoked = true;
	fake->generation += 10;
	fake->grant++;
	options = fake_options(fake);
	CHECK_I64(fake_open(fake, &options, &other), BI18N_OK);
	CHECK_I64(fake_connect(other, fake, NULL), BI18N_OK);
	bi18n_close(&other);
	fake->revoked = true;
}

static void revoked_no_more(struct fake *fake, const char *url)
{
	if (strstr(url, "/auth/mcp/token") != NULL)
		fake->revoked = false;
	reconnects(fake, url);
}

TEST(a_reconnect_in_another_process_is_not_undone)
{
	begin_with(NULL);
	CHECK_I64(call(), BI18N_OK);
	raced = false;
	f.on_request = revoked_no_more;
	CHECK_I64(call(), BI18N_OK);
	CHECK_I64(state(), BI18N_CONNECTED);
	end();
}

static struct bi18n_options two_keys(struct bi18n_options o)
{
	static struct bi18n_key keys[2];

	keys[0] = fake_other_key;
	keys[1] = fake_key;
	o.keys = keys;
	o.keys_n = 2;
	return o;
}

static struct bi18n_options new_key(struct bi18n_options o)
{
	o.keys = &fake_other_key;
	return o;
}

TEST(refresh_tokens_rest_sealed_and_keys_rotate)
{
	struct bi18n_options options;
	char                 sealed[400];
	size_t               changed = 0;

	begin_with(NULL);
	fake_column(&f, "refresh_token", sealed, sizeof(sealed));
	CHECK(strncmp(sealed, "v1.1.", 5) == 0);
	CHECK(strstr(sealed, "rt_") == NULL);
	bi18n_close(&client);
	options = new_key(fake_options(&f));
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(call(), BI18N_EKEY);
	bi18n_close(&client);
	options = two_keys(fake_options(&f));
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(bi18n_rotate_keys(client, &changed, &error), BI18N_OK);
	CHECK_I64((int64_t)changed, 1);
	bi18n_close(&client);
	options = new_key(fake_options(&f));
	CHECK_I64(fake_open(&f, &options, &client), BI18N_OK);
	CHECK_I64(call(), BI18N_OK);
	end();
}

TEST(disconnect_revokes_and_drops_the_refresh_token)
{
	char sealed[400];

	begin_with(NULL);
	CHECK_I64(bi18n_disconnect(client, "u1", "acme", NULL, &error), BI18N_OK);
	CHECK_I64(f.deletes, 1);
	fake_column(&f, "refresh_token", sealed, sizeof(sealed));
	CHECK_STR(str_from(sealed), S(""));
	CHECK_I64(call(), BI18N_RECONNECT_REQUIRED);
	CHECK_I64(bi18n_disconnect(client, "u1", "acme", NULL, &error), BI18N_OK);
	CHECK_I64(f.deletes, 1);
	end();
}

/* Callback ----------------------------------------------------------------------------------------- */

static enum bi18n_code back(const char *owner, const char *format)
{
	struct bi18n_authorization a;
	struct bi18n_connections  *list = NULL;
	char                       query[600], state[44];
	enum bi18n_code            code;

	CHECK_I64(bi18n_authorize_url(client, &(struct bi18n_authorize){ .owner_id = "u1", .scopes = "keys:read" }, &a,
	                              NULL), BI18N_OK);
	snprintf(state, sizeof(state), "%s", strstr(a.url, "&state=") + 7);
	snprintf(query, sizeof(query), "%s&state=%s", format, state);
	code = bi18n_callback(client, owner, query, NULL, &list, &error);
	bi18n_free(list);
	return code;
}

TEST(a_callback_is_of_its_owner_its_server_and_its_ten_minutes)
{
	begin_with(NULL);
	CHECK_I64(back("u2", "code=c"), BI18N_ESTATE);
	CHECK_I64(back("u1", "code=c&iss=https%3A%2F%2Fevil.example"), BI18N_ESTATE);
	CHECK_I64(back("u1", "error=access_denied&iss=http%3A%2F%2F127.0.0.1%3A1"), BI18N_EDENIED);
	CHECK_I64(back("u1", "code=c&code=d"), BI18N_ESTATE);
	CHECK_I64(back("u1", "code=%zz"), BI18N_ESTATE);
	CHECK_I64(back("u1", "code=c&state=x"), BI18N_ESTATE);
	CHECK_I64(back("u1", "code=c"), BI18N_OK);
	end();
}

TEST(a_callback_after_ten_minutes_is_refused)
{
	struct bi18n_authorization a;
	struct bi18n_connections  *list = NULL;
	char                       query[600];

	begin_with(NULL);
	CHECK_I64(bi18n_authorize_url(client, &(struct bi18n_authorize){ .owner_id = "u1", .scopes = "keys:read" }, &a,
	                              NULL), BI18N_OK);
	snprintf(query, sizeof(query), "code=c&state=%.43s", strstr(a.url, "&state=") + 7);
	advance(10 * 60 * 1000);
	CHECK_I64(bi18n_callback(client, "u1", query, NULL, &list, &error), BI18N_ESTATE);
	end();
}

TEST(a_code_is_sent_once_whatever_happens)
{
	int before;

	begin_with(NULL);
	before = f.requests;
	fake_fault_add(&f, (struct fake_fault){ .path = "/auth/mcp/token", .times = 5, .status = 0 });
	CHECK_I64(back("u1", "code=c&iss=http%3A%2F%2F127.0.0.1%3A1"), BI18N_TRY_LATER);
	CHECK_I64(f.requests, before + 1);
	end();
}

TEST(seed_02_destructive_scopes_are_named_and_unknown_ones_refused)
{
	struct bi18n_authorization a;

	begin_with(NULL);
	CHECK_I64(bi18n_authorize_url(client, &(struct bi18n_authorize){
	          .owner_id = "u1", .scopes = "keys:read translations:publish keys:read projects:write" }, &a, &error),
	          BI18N_OK);
	CHECK_STR(str_from(a.destructive), S("translations:publish projects:write"));
	CHECK_I64(bi18n_authorize_url(client, &(struct bi18n_authorize){ .owner_id = "u1", .scopes = "keys:reed" }, &a,
	                              &error), BI18N_EINVAL);
	CHECK(strstr(error.message, "keys:reed") != NULL);
	end();
}

TEST(base_urls_without_tls_are_for_loopback_only)
{
	static const struct { const char *url; enum bi18n_code code; } rows[] = {
		{ "https://i18n.example", BI18N_OK },          { "https://i18n.example:8443/", BI18N_OK },
		{ "http://127.0.0.1:52490", BI18N_OK },        { "http://[::1]:80", BI18N_OK },
		{ "http://localhost:1", BI18N_OK },            { "http://i18n.example", BI18N_EINSECURE },
		{ "http://127.0.0.1.evil.example", BI18N_EINSECURE }, { "http://localhost.evil.example", BI18N_EINSECURE },
		{ "http://127.0.0.1@evil.example", BI18N_EINVAL },    { "http://0.0.0.0", BI18N_EINSECURE },
		{ "ftp://127.0.0.1", BI18N_EINVAL },           { "https://a/b", BI18N_EINVAL },
		{ "https://", BI18N_EINVAL },                  { "https://a:99999", BI18N_EINVAL },
		{ "http://127.1", BI18N_EINSECURE },           { "http://127.0.0.1#.evil.example", BI18N_EINVAL },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_I64(base_url_check(rows[i].url), rows[i].code);
}

TEST(malformed_answers_are_protocol_errors)
{
	static const char *const bodies[] = { "", "{}", "[]", "null", "{\"installation_token\":5}",
		                              "{\"installation_token\":\"bi_oat_x\"}",
		                              "{\"installation_token\":\"bi oat\",\"expires_in\":3600}",
		                              "{\"installation_token\":\"bi_oat_x\",\"expires_in\":-1}",
		                              "{\"installation_token\":\"bi_oat_x\",\"expires_in\":10,\"scopes\":\"a\"}",
		                              "{\"installation_token\":\"x\",\"expires_in\":10,\"organization_id\":\"o2\"}" };

	for (size_t i = 0; i < COUNT(bodies); i++) {
		begin_with(NULL);
		fake_fault_add(&f, (struct fake_fault){ .path = "/installations/", .times = 1, .status = 200,
		                                        .body = bodies[i] });
		CHECK_I64(call(), BI18N_EPROTOCOL);
		end();
	}
}
