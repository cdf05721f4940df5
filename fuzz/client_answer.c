/* SPDX-License-Identifier: MIT
 *
 * Answers of a server that is not ours: the same bytes as token answer, mint answer, refusal and resource, to a
 * library with a store in memory. Whatever comes, no crash, no leak, and a grant limited to projects never
 * turns into all of them. */
#include "client/client_int.h"

#include <assert.h>

static const uint8_t *input;
static size_t         input_n;
static int            answers;

static enum transport_result send_input(void *context, const struct transport_request *request, struct pool *pool,
                                        struct transport_answer *out, char why[BI18N_MESSAGE_MAX])
{
	static const int statuses[] = { 200, 200, 401, 403, 410, 400, 404, 429, 500, 302 };
	char            *body = pool_cstr(pool, (str){ (const char *)input, input_n });

	(void)context, (void)request, (void)why;
	if (body == NULL)
		return TRANSPORT_NOMEM;
	*out = (struct transport_answer){
		.status = statuses[(input_n + (size_t)answers++) % COUNT(statuses)], .body = { body, input_n },
		.content_type = "application/json", .etag = "", .retry_after = "0", .date = "",
	};
	return TRANSPORT_ANSWERED;
}

/* A store of one row --------------------------------------------------------------------------------- */

static struct {
	char refresh[1024], digest[BI18N_DIGEST_MAX], grant[BI18N_ID_MAX];
	bool there;
} row_kept;

static void row_keep(const struct bi18n_row *row)
{
	assert(strcmp(row->project_access, "all") != 0 || strcmp(row->project_ids, "[]") == 0);
	assert(strlen(row->grant_id) < BI18N_ID_MAX);
	snprintf(row_kept.refresh, sizeof(row_kept.refresh), "%s", row->refresh_token);
	snprintf(row_kept.digest, sizeof(row_kept.digest), "%s", row->refresh_digest);
	snprintf(row_kept.grant, sizeof(row_kept.grant), "%s", row->grant_id);
	row_kept.there = true;
}

static enum bi18n_stored upsert(void *context, const struct bi18n_row *rows, size_t n)
{
	(void)context;
	if (n > 0 && strcmp(rows[0].organization_id, "org_1") == 0)
		row_keep(&rows[0]);
	return BI18N_STORED;
}

static enum bi18n_stored list(void *context, const char *owner, bi18n_row_fn *visit, void *visitor)
{
	struct bi18n_row row = { "u1", row_kept.grant, row_kept.refresh, "org_1", "[\"keys:read\"]", "[]", 0, "acme",
		                 "all", row_kept.digest, 1, 1 };

	(void)context, (void)owner;
	if (!row_kept.there)
		return BI18N_STORED_NONE;
	visit(visitor, &row);
	return BI18N_STORED;
}

static enum bi18n_stored find(void *context, const char *owner, const char *organization, bi18n_row_fn *visit,
                              void *visitor)
{
	(void)organization;
	return list(context, owner, visit, visitor);
}

static enum bi18n_stored swap(void *context, const char *digest, const char *grant, const struct bi18n_row *row)
{
	(void)context, (void)digest, (void)grant;
	row_keep(row);
	return BI18N_STORED;
}

static enum bi18n_stored replace(void *context, const char *owner, const char *organization,
                                 const struct bi18n_row *row)
{
	(void)context, (void)owner, (void)organization;
	row_kept.there = row != NULL;
	if (row != NULL)
		row_keep(row);
	return BI18N_STORED;
}

static struct bi18n_pending pending_kept;
static char                 pending_texts[5][1024];

static enum bi18n_stored pending_put(void *context, const struct bi18n_pending *pending, int64_t now_ms)
{
	const char *texts[] = { pending->state_digest, pending->owner_id, pending->verifier, pending->redirect_uri,
		                pending->scopes };

	(void)context, (void)now_ms;
	for (size_t i = 0; i < COUNT(texts); i++)
		snprintf(pending_texts[i], sizeof(pending_texts[i]), "%s", texts[i]);
	pending_kept = (struct bi18n_pending){ pending_texts[0], pending_texts[1], pending_texts[2], pending_texts[3],
		                               pending_texts[4], pending->expires_at_ms };
	return BI18N_STORED;
}

static enum bi18n_stored pending_take(void *context, const char *digest, bi18n_pending_fn *visit, void *visitor)
{
	(void)context, (void)digest;
	visit(visitor, &pending_kept);
	return BI18N_STORED;
}

static const struct bi18n_store one_row = {
	NULL, upsert, find, list, swap, replace, pending_put, pending_take, NULL
};

static int64_t clock_ms;
static int64_t now(void *context)
{
	(void)context;
	return clock_ms;
}

static void pass(void *context, int64_t ms)
{
	(void)context;
	clock_ms += ms;
}

static void use(struct bi18n *client)
{
	struct bi18n_authorization a;
	struct bi18n_connections  *connections = NULL;
	struct bi18n_projects     *projects = NULL;
	struct bi18n_texts        *texts = NULL;
	struct bi18n_answer       *answer = NULL;
	char                       query[128];

	assert(bi18n_authorize_url(client, &(struct bi18n_authorize){ .owner_id = "u1", .scopes = "keys:read" }, &a,
	                           NULL) == BI18N_OK);
	snprintf(query, sizeof(query), "code=c&state=s&iss=http%%3A%%2F%%2F127.0.0.1");
	bi18n_callback(client, "u1", query, NULL, &connections, NULL);
	bi18n_free(connections);
	bi18n_projects(client, "u1", "acme", NULL, &projects, NULL);
	bi18n_free(projects);
	bi18n_texts(client, "u1", "acme", "web", "tr", NULL, 10, NULL, &texts, NULL);
	bi18n_free(texts);
	bi18n_trpc_mutation(client, "u1", "acme", "mcp.x", NULL, NULL, &answer, NULL);
	bi18n_free(answer);
	bi18n_publish(client, "u1", "acme", "web", true, NULL, NULL, NULL);
	bi18n_disconnect(client, "u1", "acme", NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct bi18n_key key = { 1, { 7 } };
	const struct bi18n_clock      clock = { NULL, now, now, pass };
	const struct transport        transport = { NULL, send_input, NULL };
	struct bi18n_options          options = { .client_id = "app", .base_url = "http://127.0.0.1",
		                                  .redirect_uri = "https://a.example/", .custom_store = &one_row,
		                                  .keys = &key, .keys_n = 1, .clock = &clock };
	struct bi18n                 *client = NULL;

	input = data;
	input_n = n;
	answers = 0;
	clock_ms = 1000;
	memset(&row_kept, 0, sizeof(row_kept));
	assert(client_open(&options, &transport, NULL, &client, NULL) == BI18N_OK);
	use(client);
	bi18n_close(&client);
	return 0;
}
