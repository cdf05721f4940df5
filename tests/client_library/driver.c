/* SPDX-License-Identifier: MIT */
#include "driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/seal.h"

enum { ARENA_BYTES = 64 * 1024, ANSWER_LINE_MAX = 256 * 1024 * 1024, KEYS_MAX = 16, HEX_PER_KEY = 2 * BI18N_KEY_BYTES };

const char *text_of(struct driver *d, const struct json *in, const char *name)
{
	str s = json_str(json_get(in, str_from(name)));

	return s.p == NULL ? NULL : arena_cstr(d->arena, s);
}

int64_t number_of(const struct json *in, const char *name, int64_t fallback)
{
	int64_t v;

	return json_i64(json_get(in, str_from(name)), &v) ? v : fallback;
}

bool flag_of(const struct json *in, const char *name)
{
	return json_is_true(json_get(in, str_from(name)));
}

void put_text(struct json_out *o, const char *name, const char *value)
{
	json_key(o, str_from(name));
	json_put_str(o, str_from(value));
}

void put_number(struct json_out *o, const char *name, int64_t value)
{
	json_key(o, str_from(name));
	json_put_i64(o, value);
}

/* Call options: a time limit, and a cancellation by another thread ----------------------------------- */

struct calling {
	struct bi18n_call call;
	pthread_t         thread;
	int64_t           after_ms;
	bool              running;
};

static void *cancel_later(void *context)
{
	struct calling *c = context;

	usleep((useconds_t)(c->after_ms * 1000));
	bi18n_cancel(c->call.cancel);
	return NULL;
}

static const struct bi18n_call *calling_begin(struct calling *c, const struct json *in)
{
	*c = (struct calling){ .after_ms = number_of(in, "cancelAfterMs", -1) };
	c->call.timeout_ms = number_of(in, "timeoutMs", 0);
	if (c->after_ms >= 0) {
		c->call.cancel = bi18n_cancel_create();
		c->running = pthread_create(&c->thread, NULL, cancel_later, c) == 0;
	}
	return &c->call;
}

static void calling_end(struct calling *c)
{
	if (c->running)
		pthread_join(c->thread, NULL);
	bi18n_cancel_destroy(&c->call.cancel);
}

/* Opening ------------------------------------------------------------------------------------------- */

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* [{"id": 1, "hex": "…"}] */
static size_t keys_read(struct driver *d, const struct json *in, struct bi18n_key keys[KEYS_MAX])
{
	const struct json *list = json_get(in, S("keys"));
	size_t             n = 0;

	for (const struct json *one = list == NULL ? NULL : list->first; one != NULL && n < KEYS_MAX; one = one->next) {
		const char *hex = text_of(d, one, "hex");

		if (hex == NULL || strlen(hex) != HEX_PER_KEY)
			continue;
		keys[n].id = (uint8_t)number_of(one, "id", 0);
		for (size_t i = 0; i < BI18N_KEY_BYTES; i++)
			keys[n].bytes[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
		n++;
	}
	return n;
}

static void options_read(struct driver *d, const struct json *in, struct bi18n_options *out)
{
	*out = (struct bi18n_options){
		.client_id = text_of(d, in, "clientId"), .client_secret = text_of(d, in, "clientSecret"),
		.redirect_uri = text_of(d, in, "redirectUri"), .base_url = text_of(d, in, "baseUrl"),
		.authorize_base_url = text_of(d, in, "authorizeBaseUrl"),
		.cdn_base_url = text_of(d, in, "cdnBaseUrl"), .issuer = text_of(d, in, "issuer"),
		.redis = text_of(d, in, "redis"), .timeout_ms = number_of(in, "timeoutMs", 0),
		.connect_timeout_ms = number_of(in, "connectTimeoutMs", 0),
		.wait_max_ms = number_of(in, "waitMaxMs", 0), .attempts_max = (int)number_of(in, "attemptsMax", 0),
		.refresh_jitter_ms = number_of(in, "refreshJitterMs", 0),
		.answer_bytes_max = (size_t)number_of(in, "answerBytesMax", 0),
		.cdn_cache_bytes_max = (size_t)number_of(in, "cdnCacheBytesMax", 0),
		.cdn_fresh_ms = number_of(in, "cdnFreshMs", 0), .user_agent = text_of(d, in, "userAgent"),
		.allocator = &d->memory.allocator,
	};
	if (!flag_of(in, "systemClock"))
		out->clock = &d->clock.clock;
}

static enum bi18n_code do_open(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_key     keys[KEYS_MAX] = { 0 };
	struct bi18n_options options;
	enum bi18n_code      code;

	(void)o;
	bi18n_close(&d->client);
	options_read(d, in, &options);
	options.keys_n = keys_read(d, in, keys);
	options.keys = keys;
	/* The plain way, or with hooks at every function of the store. */
	if (flag_of(in, "plainStore")) {
		options.store = text_of(d, in, "store");
		return bi18n_open(&options, &d->client, &d->error);
	}
	code = store_open(d, text_of(d, in, "store"), d->error.message);
	if (code != BI18N_OK)
		return code;
	options.custom_store = &d->store.outer;
	code = bi18n_open(&options, &d->client, &d->error);
	bi18n_wipe(keys, sizeof(keys));
	if (code != BI18N_OK)
		d->store.outer.close(&d->store);   /* ours until the client has it */
	return code;
}

static enum bi18n_code do_close(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)in, (void)o;
	bi18n_close(&d->client);
	return BI18N_OK;
}

/* Connections ---------------------------------------------------------------------------------------- */

static void authorization_put(struct json_out *o, const struct bi18n_authorization *a)
{
	json_open_object(o);
	put_text(o, "url", a->url);
	put_text(o, "destructive", a->destructive);
	json_close_object(o);
}

static enum bi18n_code do_authorize(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_authorize request = {
		.owner_id = text_of(d, in, "owner"), .scopes = text_of(d, in, "scopes"),
		.redirect_uri = text_of(d, in, "redirectUri"), .login_hint = text_of(d, in, "loginHint"),
		.ui_locales = text_of(d, in, "uiLocales"),
	};
	struct bi18n_authorization a;
	enum bi18n_code            code = bi18n_authorize_url(d->client, &request, &a, &d->error);

	if (code == BI18N_OK)
		authorization_put(o, &a);
	return code;
}

static enum bi18n_code do_reauthorize(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_authorization a;
	enum bi18n_code code = bi18n_reauthorize_url(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"),
	                                             text_of(d, in, "scope"), &a, &d->error);

	if (code == BI18N_OK)
		authorization_put(o, &a);
	return code;
}

static void connection_put(struct json_out *o, const struct bi18n_connection *c)
{
	json_open_object(o);
	put_text(o, "ownerId", c->owner_id);
	put_text(o, "grantId", c->grant_id);
	put_text(o, "organizationId", c->organization_id);
	put_text(o, "organizationSlug", c->organization_slug);
	put_text(o, "scopes", c->scopes);
	put_text(o, "declined", c->declined_scopes);
	json_key(o, S("projectIds"));
	json_open_array(o);
	for (size_t i = 0; i < c->project_ids_n; i++)
		json_put_str(o, str_from(c->project_ids[i]));
	json_close_array(o);
	json_key(o, S("allProjects"));
	json_put_bool(o, c->all_projects);
	put_text(o, "state", c->state == BI18N_CONNECTED ? "CONNECTED" : bi18n_code_name(c->state));
	put_number(o, "disconnectedAt", c->disconnected_at_ms);
	put_number(o, "createdAt", c->created_at_ms);
	json_close_object(o);
}

static void connections_put(struct json_out *o, struct bi18n_connections *list)
{
	json_open_array(o);
	for (size_t i = 0; i < list->n; i++)
		connection_put(o, &list->v[i]);
	json_close_array(o);
	bi18n_free(list);
}

static enum bi18n_code do_callback(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_connections *list = NULL;
	struct calling            calling;
	const struct bi18n_call  *call = calling_begin(&calling, in);
	enum bi18n_code           code = bi18n_callback(d->client, text_of(d, in, "owner"), text_of(d, in, "query"), call,
	                                                &list, &d->error);

	calling_end(&calling);
	if (code == BI18N_OK)
		connections_put(o, list);
	return code;
}

static enum bi18n_code do_connections(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_connections *list = NULL;
	enum bi18n_code           code = bi18n_connections(d->client, text_of(d, in, "owner"), &list, &d->error);

	if (code == BI18N_OK)
		connections_put(o, list);
	return code;
}

static enum bi18n_code do_connection(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_connections *list = NULL;
	enum bi18n_code code = bi18n_connection(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"), &list,
	                                        &d->error);

	if (code == BI18N_OK)
		connections_put(o, list);
	return code;
}

static enum bi18n_code do_disconnect(struct driver *d, const struct json *in, struct json_out *o)
{
	struct calling           calling;
	const struct bi18n_call *call = calling_begin(&calling, in);
	enum bi18n_code code = bi18n_disconnect(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"), call,
	                                        &d->error);

	(void)o;
	calling_end(&calling);
	return code;
}

static enum bi18n_code do_rotate_keys(struct driver *d, const struct json *in, struct json_out *o)
{
	size_t          changed = 0;
	enum bi18n_code code = bi18n_rotate_keys(d->client, &changed, &d->error);

	(void)in;
	if (code == BI18N_OK)
		json_put_i64(o, (int64_t)changed);
	return code;
}

/* Tokens and calls ----------------------------------------------------------------------------------- */

/* Tells the digest: the token itself is nobody's business, unless a test says that it is. */
static enum bi18n_code do_token(struct driver *d, const struct json *in, struct json_out *o)
{
	char                     token[BI18N_TOKEN_MAX] = "", digest[BI18N_DIGEST_MAX];
	int64_t                  life_ms = 0;
	struct calling           calling;
	const struct bi18n_call *call = calling_begin(&calling, in);
	enum bi18n_code code = bi18n_installation_token(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"),
	                                                call, token, &life_ms, &d->error);

	calling_end(&calling);
	if (code == BI18N_OK && sha256_hex(str_from(token), digest)) {
		json_open_object(o);
		put_text(o, "digest", digest);
		if (flag_of(in, "plain"))
			put_text(o, "token", token);
		put_number(o, "expiresInMs", life_ms);
		json_close_object(o);
	}
	bi18n_wipe(token, sizeof(token));
	return code;
}

static enum bi18n_code do_rejected(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)o;
	return bi18n_token_rejected(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"),
	                            text_of(d, in, "token"), &d->error);
}

static void answer_put(struct json_out *o, struct bi18n_answer *answer)
{
	json_open_object(o);
	put_number(o, "status", answer->status);
	json_key(o, S("body"));
	json_put_str(o, (str){ answer->body, answer->body_n });
	put_text(o, "contentType", answer->content_type);
	put_text(o, "etag", answer->etag);
	json_key(o, S("stale"));
	json_put_bool(o, answer->stale);
	json_close_object(o);
	bi18n_free(answer);
}

static enum bi18n_code do_request(struct driver *d, const struct json *in, struct json_out *o)
{
	const char          *body = text_of(d, in, "body"), *method = text_of(d, in, "method");
	struct bi18n_request request = {
		.method = method == NULL ? "GET" : method, .path = text_of(d, in, "path"), .body = body,
		.body_n = body == NULL ? 0 : strlen(body), .content_type = text_of(d, in, "contentType"),
		.if_none_match = text_of(d, in, "ifNoneMatch"), .idempotent = flag_of(in, "idempotent"),
	};
	struct bi18n_answer     *answer = NULL;
	struct calling           calling;
	const struct bi18n_call *call = calling_begin(&calling, in);
	enum bi18n_code code = bi18n_request(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"), &request,
	                                     call, &answer, &d->error);

	calling_end(&calling);
	if (code == BI18N_OK)
		answer_put(o, answer);
	return code;
}

static enum bi18n_code do_trpc(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_answer *answer = NULL;
	enum bi18n_code      code = (flag_of(in, "mutation") ? bi18n_trpc_mutation : bi18n_trpc_query)(
		d->client, text_of(d, in, "owner"), text_of(d, in, "organization"), text_of(d, in, "procedure"),
		text_of(d, in, "input"), NULL, &answer, &d->error);

	if (code == BI18N_OK)
		answer_put(o, answer);
	return code;
}

static enum bi18n_code do_cdn(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_answer     *answer = NULL;
	struct calling           calling;
	const struct bi18n_call *call = calling_begin(&calling, in);
	enum bi18n_code code = bi18n_cdn_get(d->client, text_of(d, in, "project"), text_of(d, in, "locale"),
	                                     text_of(d, in, "namespace"), call, &answer, &d->error);

	calling_end(&calling);
	if (code == BI18N_OK)
		answer_put(o, answer);
	return code;
}

static enum bi18n_code do_mcp(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)o;
	return bi18n_mcp_config(d->client, text_of(d, in, "owner"), text_of(d, in, "organization"),
	                        text_of(d, in, "directory"), (unsigned)number_of(in, "targets", BI18N_MCP_ALL),
	                        text_of(d, in, "serverUrl"), NULL, &d->error);
}

/* The driver's own ----------------------------------------------------------------------------------- */

static enum bi18n_code do_clock(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)o;
	atomic_fetch_add(&d->clock.steady_us, number_of(in, "ms", 0) * 1000);
	atomic_fetch_add(&d->clock.wall_us, number_of(in, "wallMs", number_of(in, "ms", 0)) * 1000);
	return BI18N_OK;
}

static enum bi18n_code do_hook(struct driver *d, const struct json *in, struct json_out *o)
{
	(void)o;
	return store_hook(d, in) ? BI18N_OK : BI18N_EINVAL;
}

static enum bi18n_code do_stats(struct driver *d, const struct json *in, struct json_out *o)
{
	struct bi18n_stats stats = { 0 };

	(void)in;
	if (d->client != NULL)
		bi18n_stats(d->client, &stats);
	json_open_object(o);
	put_number(o, "calls", (int64_t)stats.calls);
	put_number(o, "mints", (int64_t)stats.mints);
	put_number(o, "refreshes", (int64_t)stats.refreshes);
	put_number(o, "retries", (int64_t)stats.retries);
	put_number(o, "tokenHits", (int64_t)stats.token_hits);
	put_number(o, "sharedHits", (int64_t)stats.shared_hits);
	put_number(o, "live", atomic_load(&d->memory.live));
	put_number(o, "liveBytes", atomic_load(&d->memory.live_bytes));
	put_number(o, "allocations", atomic_load(&d->memory.asked));
	put_number(o, "secretsReleased", atomic_load(&d->memory.secrets));
	json_close_object(o);
	return BI18N_OK;
}

static const struct driver_command commands[] = {
	{ STR("open"), false, do_open },
	{ STR("close"), false, do_close },
	{ STR("authorize"), true, do_authorize },
	{ STR("reauthorize"), true, do_reauthorize },
	{ STR("callback"), true, do_callback },
	{ STR("connections"), true, do_connections },
	{ STR("connection"), true, do_connection },
	{ STR("disconnect"), true, do_disconnect },
	{ STR("rotateKeys"), true, do_rotate_keys },
	{ STR("token"), true, do_token },
	{ STR("rejected"), true, do_rejected },
	{ STR("request"), true, do_request },
	{ STR("trpc"), true, do_trpc },
	{ STR("cdn"), true, do_cdn },
	{ STR("mcp"), true, do_mcp },
	{ STR("clock"), false, do_clock },
	{ STR("hook"), false, do_hook },
	{ STR("stats"), false, do_stats },
	{ STR("hammer"), true, hammer_run },
	{ STR("sweep"), false, sweep_run },
};

static const struct driver_command *command_find(str name)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (str_eq(commands[i].name, name))
			return &commands[i];
	}
	return typed_find(name);
}

enum bi18n_code command_run(struct driver *d, const struct json *in, struct json_out *o)
{
	const struct driver_command *command = command_find(json_str(json_get(in, S("do"))));

	if (command != NULL && (!command->needs_client || d->client != NULL))
		return command->run(d, in, o);
	snprintf(d->error.message, sizeof(d->error.message), "driver: no such command, or no client is open");
	return BI18N_EINVAL;
}

static void error_put(struct json_out *o, const struct bi18n_error *error)
{
	json_key(o, S("error"));
	json_open_object(o);
	put_number(o, "httpStatus", error->http_status);
	put_number(o, "retryAfterMs", error->retry_after_ms);
	put_text(o, "requiredScope", error->required_scope);
	put_text(o, "message", error->message);
	put_text(o, "authorizeUrl", error->authorize_url);
	json_close_object(o);
}

/* A command has written nothing, or one value. */
static void line_run(struct driver *d, str line)
{
	struct json      *in;
	struct json_fault fault;
	struct json_out   o, result;
	struct buf        out, value;
	enum bi18n_code   code;

	buf_init(&out, ANSWER_LINE_MAX);
	buf_init(&value, ANSWER_LINE_MAX);
	json_out_init(&o, &out);
	json_out_init(&result, &value);
	memset(&d->error, 0, sizeof(d->error));
	if (json_parse(d->arena, line, JSON_DEPTH_DEFAULT, &in, &fault)) {
		code = command_run(d, in, &result);
	} else {
		code = BI18N_EINVAL;
		snprintf(d->error.message, sizeof(d->error.message), "driver: %s", fault.what);
	}
	json_open_object(&o);
	put_text(&o, "code", code == BI18N_OK ? "OK" : bi18n_code_name(code));
	if (code != BI18N_OK)
		error_put(&o, &d->error);
	if (value.n > 0) {
		json_key(&o, S("result"));
		json_put_raw(&o, buf_view(&value));
	}
	json_close_object(&o);
	fwrite(out.p, 1, out.n, stdout);
	fputc('\n', stdout);
	fflush(stdout);
	buf_fini(&out);
	buf_fini(&value);
}

int main(void)
{
	static struct driver d;
	char                *line = NULL;
	size_t               room = 0;
	ssize_t              n;

	clock_init(&d.clock);
	memory_init(&d.memory);
	d.arena = arena_create(ARENA_BYTES);
	while ((n = getline(&line, &room, stdin)) > 0) {
		line_run(&d, str_trim((str){ line, (size_t)n - (line[n - 1] == '\n') }));
		arena_reset(d.arena);
	}
	bi18n_close(&d.client);
	free(line);
	arena_destroy(d.arena);
	return d.memory.live == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
