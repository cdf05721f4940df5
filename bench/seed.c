/* SPDX-License-Identifier: MIT
 *
 * Fills an initialized store for the benchmarks through the typed store: people with one grant each, installation
 * tokens and authorization codes whose plain text only this tool knows. The first people also have a grant of an app
 * whose refresh tokens are replaced at every use. Writes the plain texts beside the store.
 * Usage: bench_seed DATA KEY_FILE OUT_DIR PEOPLE TOKENS_PER_GRANT CODES */
#include "access/bearer.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/token.h"
#include "jobs/jobs.h"
#include "oauth/choice.h"
#include "store/account.h"
#include "store/oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 500, PEOPLE_PER_ORGANIZATION = 100, ROTATING_PEOPLE = 4000, ACCESS_LIFE_MS = 12 * 3600 * 1000 };
#define DAY_MS INT64_C(86400000)
#define REDIRECT "https://bench.example/cb"
#define VERIFIER "the-same-for-all-codes-which-the-server-does-not-know"

struct seed {
	struct settings settings;
	struct app app, rotating;
	struct arena *arena;                  /* of one slice */
	FILE *refresh, *rotating_refresh, *mint, *bearer, *codes, *expired, *client, *rotating_client;
	int64_t people, tokens, codes_n, done, now_ms;
	int64_t organization_id;
	str     organization_public_id;
};

static bool add_app(struct db *db, struct seed *s, enum refresh_policy policy, FILE *out, struct app *app, struct err *e)
{
	str secret = token_random(s->arena, TOKEN_CLIENT_SECRET), id = public_id(s->arena, S("app_"));
	static const str uris[] = { STR(REDIRECT) };
	struct digest d = sha256(secret);

	*app = (struct app){ .client_id = id, .name = S("Bench"), .kind = APP_WEB, .confidential = true, .verified = true,
		.refresh_policy = policy, .refresh_grace_s = 120, .scopes = SCOPE_ALL, .created_ms = s->now_ms,
		.redirect_uris = { uris, 1, true } };
	fprintf(out, FMT_STR "\n" FMT_STR "\n", ARG_STR(id), ARG_STR(secret));
	return store_app_insert(db, s->arena, app, &app->id, e) &&
	       store_app_secret_add(db, s->arena, app->id, d.b, s->now_ms, e);
}

static bool add_apps(struct db *db, void *arg, struct err *e)
{
	struct seed *s = arg;
	str text;

	return add_app(db, s, REFRESH_STABLE, s->client, &s->app, e) &&
	       add_app(db, s, REFRESH_ROTATING, s->rotating_client, &s->rotating, e) &&
	       store_meta_get(db, s->arena, S("epoch"), &text, e) && str_i64(text, 1, INT64_MAX, &s->settings.epoch);
}

static bool add_organization(struct db *db, struct seed *s, struct err *e)
{
	struct organization o = { .public_id = public_id(s->arena, S("org_")),
		.slug = arena_printf(s->arena, "bench-%lld", (long long)(s->done / PEOPLE_PER_ORGANIZATION)),
		.name = S("Bench organization"), .created_ms = s->now_ms };

	return store_organization_insert(db, s->arena, &o, &s->organization_id, e);
}

/* With a refresh token, which goes to `refresh`, and an access token to mint with. */
static bool add_family(struct db *db, struct seed *s, const struct grant *g, FILE *refresh, int64_t *family_out,
		       struct err *e)
{
	uint8_t secret[KEY_BYTES];
	int64_t id = random_id(), access_ms = s->now_ms + ACCESS_LIFE_MS;
	struct family_new row = { .id = id, .grant_id = g->id, .app_id = g->app_id, .account_id = g->account_id,
		.code_id = 0, .epoch = s->settings.epoch, .now_ms = s->now_ms, .idle_expires_ms = s->now_ms + 30 * DAY_MS,
		.expires_ms = s->now_ms + 365 * DAY_MS, .access_expires_ms = access_ms, .scope_text = S(""), .resource = S(""),
		.network = S("127.0.0.0"), .networks = S("1 127.0.0.0") };

	random_bytes(secret, sizeof(secret));
	row.sealed = family_secret_seal(s->arena, &s->settings, id, secret);
	*family_out = id;
	fprintf(refresh, FMT_STR "\n",
		ARG_STR(derived_token(s->arena, TOKEN_REFRESH, secret, row.epoch, id, 1, 0, 0)));
	if (g->app_id == s->app.id)
		fprintf(s->mint, FMT_STR " " FMT_STR "\n", ARG_STR(g->public_id),
			ARG_STR(derived_token(s->arena, TOKEN_ACCESS, secret, row.epoch, id, 1, 1,
					      (uint32_t)(access_ms / 1000))));
	return store_family_insert(db, s->arena, &row, e);
}

static bool add_tokens(struct db *db, struct seed *s, const struct grant *g, int64_t family, struct err *e)
{
	for (int64_t i = 0; i < s->tokens; i++) {
		str token = token_random(s->arena, TOKEN_INSTALLATION);
		struct digest d = sha256(token);
		struct minted m = { .grant_id = g->id, .grant_version = 1, .family_id = family, .scopes = g->scopes,
			.now_ms = s->now_ms, .expires_ms = s->now_ms + DAY_MS, .projects = { .mode = PROJECTS_ALL } };
		bool done;

		memcpy(m.digest, d.b, sizeof(m.digest));
		if (!store_token_mint(db, s->arena, &m, &done, e))
			return false;
		fprintf(s->bearer, FMT_STR "\n", ARG_STR(token));
	}
	return true;
}

static bool add_code(struct db *db, struct seed *s, int64_t account_id, int64_t expires_ms, FILE *out, struct err *e)
{
	struct choice_organization o = { s->organization_id, { .mode = PROJECTS_ALL } };
	struct choice c = { SCOPE_ALL, &o, 1 };
	struct digest challenge = sha256(S(VERIFIER));
	str code = token_random(s->arena, TOKEN_CODE);
	struct digest d = sha256(code);
	struct stored_code row = { .app_id = s->app.id, .account_id = account_id, .redirect_uri = S(REDIRECT),
		.challenge = base64url_encode(s->arena, challenge.b, DIGEST_BYTES), .nonce = S(""), .resource = S(""),
		.scope_text = S(""), .choice = choice_text(s->arena, &c), .auth_time_ms = s->now_ms,
		.created_ms = s->now_ms, .expires_ms = expires_ms };

	fprintf(out, FMT_STR "\n", ARG_STR(code));
	return store_code_insert(db, s->arena, d.b, &row, e);
}

static bool add_codes(struct db *db, struct seed *s, int64_t account_id, struct err *e)
{
	for (int64_t i = s->done; i < s->codes_n; i += s->people) {
		if (!add_code(db, s, account_id, s->now_ms + DAY_MS, s->codes, e))
			return false;
	}
	return s->done > 0 || add_code(db, s, account_id, s->now_ms, s->expired, e);
}

static bool add_grant(struct db *db, struct seed *s, int64_t account_id, int64_t app_id, struct grant *out, struct err *e)
{
	struct grant_new wanted = { .app_id = app_id, .account_id = account_id, .organization_id = s->organization_id,
		.scopes = SCOPE_ALL, .now_ms = s->now_ms, .public_id = public_id(s->arena, S("grt_")), .resource = S(""),
		.redirect_host = S("bench.example"), .projects = { .mode = PROJECTS_ALL } };
	bool created;

	return store_grant_ensure(db, s->arena, &wanted, out, &created, e);
}

static bool add_person(struct db *db, struct seed *s, struct err *e)
{
	struct account account = { .public_id = public_id(s->arena, S("usr_")), .name = S("Bench"), .created_ms = s->now_ms,
		.email = arena_printf(s->arena, "bench%lld@bench.example", (long long)s->done), .locale = S("") };
	int64_t account_id, family;
	struct grant g;

	if (s->done % PEOPLE_PER_ORGANIZATION == 0 && !add_organization(db, s, e))
		return false;
	if (!store_account_insert(db, s->arena, &account, &account_id, e) ||
	    !store_member_put(db, s->arena, s->organization_id, account_id,
			      s->done % PEOPLE_PER_ORGANIZATION == 0 ? ROLE_OWNER : ROLE_ADMIN, s->now_ms, e))
		return false;
	if (s->done < ROTATING_PEOPLE && (!add_grant(db, s, account_id, s->rotating.id, &g, e) ||
					  !add_family(db, s, &g, s->rotating_refresh, &family, e)))
		return false;
	return add_grant(db, s, account_id, s->app.id, &g, e) && add_family(db, s, &g, s->refresh, &family, e) &&
	       add_tokens(db, s, &g, family, e) && add_codes(db, s, account_id, e);
}

static bool add_slice(struct db *db, void *arg, struct err *e)
{
	struct seed *s = arg;

	for (int i = 0; i < SLICE && s->done < s->people; i++, s->done++) {
		if (!add_person(db, s, e))
			return false;
	}
	return true;
}

static FILE *out_file(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	return f;
}

static bool number(const char *text, int64_t *out)
{
	return str_i64(str_from(text), 0, 10000000, out);
}

int main(int argc, char **argv)
{
	struct seed s = { .now_ms = clock_now_ms(), .arena = arena_create(MIB) };
	struct arena *keep = s.arena;
	struct store *store = NULL;
	struct err e = { 0 };
	const struct { FILE **to; const char *name; } files[] = {
		{ &s.refresh, "refresh.txt" }, { &s.rotating_refresh, "rotating_refresh.txt" }, { &s.mint, "mint.txt" },
		{ &s.bearer, "bearer.txt" }, { &s.codes, "codes.txt" }, { &s.expired, "expired.txt" },
		{ &s.client, "client.txt" },
		{ &s.rotating_client, "rotating_client.txt" },
	};
	bool ok;

	if (argc != 7 || !number(argv[4], &s.people) || !number(argv[5], &s.tokens) || !number(argv[6], &s.codes_n)) {
		fprintf(stderr, "usage: bench_seed DATA KEY_FILE OUT_DIR PEOPLE TOKENS_PER_GRANT CODES\n");
		return 2;
	}
	crypto_init();
	for (size_t i = 0; i < COUNT(files); i++)
		*files[i].to = out_file(argv[3], files[i].name);
	ok = server_key_load(argv[2], s.settings.server_key, &e) &&
	     store_open(&(struct store_config){ .data_dir = str_from(argv[1]), .readers = 1, .queue_max = 16,
						.batch_tasks_max = 16, .batch_ms_max = 5 }, &store, &e) &&
	     jobs_write(store, add_apps, &s, &e);
	s.arena = arena_create(MIB);
	while (ok && s.done < s.people) {
		ok = jobs_write(store, add_slice, &s, &e);
		arena_reset(s.arena);
	}
	if (!ok)
		fprintf(stderr, "bench_seed: %s %s\n", e.say, e.msg);
	store_close(store);
	for (size_t i = 0; i < COUNT(files); i++)
		ok &= fclose(*files[i].to) == 0;
	arena_destroy(s.arena);
	arena_destroy(keep);
	return ok ? 0 : 1;
}
