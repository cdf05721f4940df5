/* SPDX-License-Identifier: MIT */
#include "client/fake_test.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/test.h"

const struct bi18n_key fake_key = { 1, { 1, 2, 3 } }, fake_other_key = { 2, { 9, 9 } };

/* Allocator and clock ------------------------------------------------------------------------------ */

static void *fake_allocate(void *context, size_t bytes)
{
	struct fake *f = context;
	void        *memory;

	if (f->allocations_left >= 0 && __atomic_sub_fetch(&f->allocations_left, 1, __ATOMIC_SEQ_CST) < 0) {
		f->allocations_left = 0;
		f->denied = true;
		return NULL;
	}
	memory = malloc(bytes);
	__atomic_add_fetch(&f->blocks, 1, __ATOMIC_SEQ_CST);
	return memory;
}

static void fake_release(void *context, void *memory)
{
	struct fake *f = context;

	__atomic_sub_fetch(&f->blocks, 1, __ATOMIC_SEQ_CST);
	free(memory);
}

static int64_t fake_steady(void *context)
{
	return __atomic_load_n(&((struct fake *)context)->steady_ms, __ATOMIC_SEQ_CST);
}

static int64_t fake_wall(void *context)
{
	return __atomic_load_n(&((struct fake *)context)->wall_ms, __ATOMIC_SEQ_CST);
}

static void fake_sleep(void *context, int64_t ms)
{
	struct fake *f = context;

	__atomic_add_fetch(&f->steady_ms, ms, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&f->wall_ms, ms, __ATOMIC_SEQ_CST);
}

/* The platform ------------------------------------------------------------------------------------- */

static int answer(struct pool *p, struct transport_answer *out, int status, char *body)
{
	out->status = status;
	out->body = str_from(body);
	out->content_type = "application/json";
	return body == NULL || p->failed ? -1 : 0;
}

static char *token_body(struct fake *f, struct pool *p)
{
	return pool_printf(p,
	                   "{\"access_token\":\"bi_at_%d\",\"token_type\":\"Bearer\",\"expires_in\":1800,"
	                   "\"refresh_token\":\"rt_%d\",\"scope\":\"keys:read keys:write\",\"grant_id\":\"grt_%d\","
	                   "\"organization_id\":\"org_1\",\"project_access\":\"%s\",\"project_ids\":%s,"
	                   "\"grants\":[{\"grant_id\":\"grt_%d\",\"organization_id\":\"org_1\","
	                   "\"organization_slug\":\"acme\",\"scopes\":[\"keys:read\",\"keys:write\"],"
	                   "\"project_ids\":%s,\"project_access\":\"%s\",\"refresh_token\":\"rt_%d\"}]}",
	                   f->generation, f->generation, f->grant, f->narrow ? "selected" : "all",
	                   f->narrow ? "[\"p1\"]" : "[]", f->grant, f->narrow ? "[\"p1\"]" : "[]",
	                   f->narrow ? "selected" : "all", f->generation);
}

static int token_endpoint(struct fake *f, const struct transport_request *r, struct pool *p,
                          struct transport_answer *out)
{
	bool refresh = str_find(r->body, S("grant_type=refresh_token")) >= 0;
	char current[64], before[64];

	if (str_find(r->body, S("client_secret=secret")) < 0)
		return answer(p, out, 401, pool_printf(p, "{\"error\":\"invalid_client\"}"));
	snprintf(current, sizeof(current), "refresh_token=rt_%d&", f->generation);
	snprintf(before, sizeof(before), "refresh_token=rt_%d&", f->generation - 1);
	if (refresh && (f->revoked || (str_find(r->body, str_from(current)) < 0 &&
	                               str_find(r->body, str_from(before)) < 0)))
		return answer(p, out, 400, pool_printf(p, "{\"error\":\"invalid_grant\"}"));
	if (refresh) {
		f->refreshes++;
		f->generation += f->rotating && str_find(r->body, str_from(current)) >= 0;
	} else {
		f->exchanges++;
		f->revoked = false;
	}
	return answer(p, out, 200, token_body(f, p));
}

static int mint_endpoint(struct fake *f, struct pool *p, struct transport_answer *out)
{
	if (f->revoked)
		return answer(p, out, 410, pool_printf(p, "{\"error\":\"grant_revoked\"}"));
	if (strncmp(f->last_authorization, "Authorization: Bearer bi_at_", 28) != 0)
		return answer(p, out, 401, pool_printf(p, "{\"error\":\"invalid_token\"}"));
	f->mints++;
	return answer(p, out, 200,
	              pool_printf(p, "{\"installation_token\":\"bi_oat_%d\",\"token_type\":\"Bearer\","
	                          "\"expires_in\":3600,\"organization_id\":\"org_1\",\"project_ids\":%s,"
	                          "\"project_access\":\"%s\",\"scopes\":[\"keys:read\",\"keys:write\"],"
	                          "\"grant_id\":\"grt_%d\"}", f->mints, f->narrow ? "[\"p1\"]" : "[]",
	                          f->narrow ? "selected" : "all", f->grant));
}

static int call_endpoint(struct fake *f, struct pool *p, struct transport_answer *out)
{
	str     token = str_from(f->last_authorization);
	int64_t number = 0;

	f->calls++;
	token = str_from_at(token, str_starts(token, S("x-api-key: ")) ? 18 : 29);
	if (f->revoked)
		return answer(p, out, 410, pool_printf(p, "{\"error\":\"grant_revoked\"}"));
	if (!str_i64(token, 1, 1000000, &number) || number < f->tokens_from)
		return answer(p, out, 401, pool_printf(p, "{\"error\":\"invalid_token\"}"));
	return answer(p, out, 200, pool_printf(p, "{\"ok\":true}"));
}

static int route(struct fake *f, const struct transport_request *r, struct pool *p, struct transport_answer *out)
{
	if (strstr(r->url, "/api/auth/mcp/token") != NULL)
		return token_endpoint(f, r, p, out);
	if (strstr(r->url, "/.well-known/") != NULL)
		return answer(p, out, 200, pool_printf(p, "{\"issuer\":\"http://127.0.0.1:1\"}"));
	if (strcmp(r->method, "DELETE") == 0 && strstr(r->url, "/installations/") != NULL) {
		f->deletes++;
		f->revoked = true;
		return answer(p, out, 200, pool_printf(p, "{\"revoked\":true}"));
	}
	if (strstr(r->url, "/installations/") != NULL)
		return mint_endpoint(f, p, out);
	return call_endpoint(f, p, out);
}

static struct fake_fault *fault_next(struct fake *f, const char *url)
{
	for (size_t i = 0; i < FAKE_FAULTS_MAX; i++) {
		struct fake_fault *fault = &f->faults[i];

		if (fault->path == NULL || fault->times == 0 || strstr(url, fault->path) == NULL)
			continue;
		if (fault->skip-- > 0)
			continue;
		fault->skip = 0;
		fault->times--;
		return fault;
	}
	return NULL;
}

static enum transport_result fake_send(void *context, const struct transport_request *r, struct pool *p,
                                       struct transport_answer *out, char why[BI18N_MESSAGE_MAX])
{
	struct fake       *f = context;
	struct fake_fault *fault;
	int                rc = 0;

	if (f->on_request != NULL)
		f->on_request(f, r->url);
	pthread_mutex_lock(&f->lock);
	*out = (struct transport_answer){ .content_type = "", .etag = "", .retry_after = "", .date = "" };
	f->requests++;
	snprintf(f->last_url, sizeof(f->last_url), "%s", r->url);
	snprintf(f->last_authorization, sizeof(f->last_authorization), "%s", r->headers_n > 0 ? r->headers[0] : "");
	snprintf(f->last_body, sizeof(f->last_body), FMT_STR, ARG_STR(r->body));
	fault = fault_next(f, r->url);
	if (fault == NULL || fault->carried_out)
		rc = route(f, r, p, out);
	if (fault != NULL && fault->status != 0) {
		rc = answer(p, out, fault->status, pool_cstr(p, str_from(fault->body)));
		out->retry_after = fault->retry_after == NULL ? "" : fault->retry_after;
	}
	pthread_mutex_unlock(&f->lock);
	snprintf(why, BI18N_MESSAGE_MAX, "connection lost");
	if (rc != 0 || p->failed)
		return TRANSPORT_NOMEM;
	return fault != NULL && fault->status == 0 ? TRANSPORT_FAILED : TRANSPORT_ANSWERED;
}

static void fake_close(void *context)
{
	(void)context;
}

struct transport fake_transport(struct fake *f)
{
	return (struct transport){ f, fake_send, fake_close };
}

void fake_fault_add(struct fake *f, struct fake_fault fault)
{
	for (size_t i = 0; i < FAKE_FAULTS_MAX; i++) {
		if (f->faults[i].path == NULL || f->faults[i].times == 0) {
			f->faults[i] = fault;
			return;
		}
	}
	test_fail(__FILE__, __LINE__, "no room for another fault");
}

/* Set-up ------------------------------------------------------------------------------------------- */

void fake_begin(struct fake *f)
{
	*f = (struct fake){ .steady_ms = 1000, .wall_ms = 1800000000000, .generation = 1, .grant = 1,
		            .allocations_left = -1 };
	pthread_mutex_init(&f->lock, NULL);
	/* In memory where there is such a place: a thousand stores are made and synced. */
	snprintf(f->directory, sizeof(f->directory), "%s/bi18n-client-XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(f->directory) != NULL);
	snprintf(f->store, sizeof(f->store), "sqlite:%s/store.db", f->directory);
}

void fake_end(struct fake *f)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	CHECK_I64(f->blocks, 0);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/store.db%s", f->directory, suffixes[i]);
		unlink(path);
	}
	rmdir(f->directory);
	pthread_mutex_destroy(&f->lock);
}

struct bi18n_options fake_options(struct fake *f)
{
	static struct bi18n_allocator allocator;
	static struct bi18n_clock     clock;

	allocator = (struct bi18n_allocator){ f, fake_allocate, fake_release };
	clock = (struct bi18n_clock){ f, fake_steady, fake_wall, fake_sleep };
	return (struct bi18n_options){
		.client_id = "app", .client_secret = "secret", .base_url = "http://127.0.0.1:1",
		.redirect_uri = "https://partner.example/callback", .store = f->store, .keys = &fake_key, .keys_n = 1,
		.allocator = &allocator, .clock = &clock, .refresh_jitter_ms = -1,
	};
}

enum bi18n_code fake_open(struct fake *f, const struct bi18n_options *options, struct bi18n **out)
{
	struct transport transport = fake_transport(f);

	return client_open(options, &transport, NULL, out, NULL);
}

enum bi18n_code fake_connect(struct bi18n *client, struct fake *f, struct bi18n_error *error)
{
	struct bi18n_authorization a;
	struct bi18n_connections  *connections = NULL;
	char                       query[512];
	const char                *state;
	enum bi18n_code            code;

	(void)f;
	code = bi18n_authorize_url(client, &(struct bi18n_authorize){ .owner_id = "u1",
	                                                              .scopes = "keys:read keys:write" }, &a, error);
	if (code != BI18N_OK)
		return code;
	state = strstr(a.url, "&state=") + strlen("&state=");
	snprintf(query, sizeof(query), "https://partner.example/callback?code=c&state=%.43s&iss=http%%3A%%2F%%2F127.0.0.1%%3A1",
	         state);
	code = bi18n_callback(client, "u1", query, NULL, &connections, error);
	bi18n_free(connections);
	return code;
}

void fake_column(struct fake *f, const char *column, char *out, size_t room)
{
	sqlite3      *db;
	sqlite3_stmt *statement;
	char          sql[128];

	snprintf(sql, sizeof(sql), "SELECT %s\nFROM bi18n_connection", column);
	CHECK(sqlite3_open(f->store + strlen("sqlite:"), &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
	CHECK(sqlite3_step(statement) == SQLITE_ROW);
	snprintf(out, room, "%s", sqlite3_column_type(statement, 0) == SQLITE_NULL
	                          ? "NULL" : (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
}
