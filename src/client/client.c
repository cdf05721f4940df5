/* SPDX-License-Identifier: MIT
 *
 * Opening and closing a client: every option is checked here, and only here. */
#include "client/client_int.h"

#include <openssl/crypto.h>

#include "client/store_sql.h"

enum {
	NS_PER_MS = 1000000,
	TIMEOUT_MS_DEFAULT = 30 * SECOND_MS,
	TIMEOUT_MS_MAX = 60 * 60 * SECOND_MS,
	CONNECT_TIMEOUT_MS_DEFAULT = 10 * SECOND_MS,
	WAIT_MS_DEFAULT = 2 * SECOND_MS,
	JITTER_MS_DEFAULT = 5 * SECOND_MS,
	JITTER_MS_MAX = 30 * SECOND_MS,
	CDN_FRESH_MS_DEFAULT = 60 * SECOND_MS,
	ATTEMPTS_DEFAULT = 4,
	ATTEMPTS_MAX = 20,
	TEXT_OPTION_MAX = 1024,
	USER_AGENT_MAX = 200
};
#define ANSWER_BYTES_DEFAULT (16 * MIB)
#define ANSWER_BYTES_MAX     (1024 * MIB)
#define CDN_BYTES_DEFAULT    (8 * MIB)

#define HOSTED_API       "https://api.better-i18n.com"
#define HOSTED_AUTHORIZE "https://dash.better-i18n.com"
#define HOSTED_CDN       "https://cdn.better-i18n.com"

/* The system's clock ------------------------------------------------------------------------------- */

static int64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * SECOND_MS + t.tv_nsec / NS_PER_MS;
}

static int64_t system_steady(void *context)
{
	(void)context;
	return read_ms(CLOCK_BOOTTIME);
}

static int64_t system_wall(void *context)
{
	(void)context;
	return read_ms(CLOCK_REALTIME);
}

static void system_sleep(void *context, int64_t ms)
{
	struct timespec t = { ms / SECOND_MS, (long)(ms % SECOND_MS) * NS_PER_MS };

	(void)context;
	nanosleep(&t, NULL);
}

static const struct bi18n_clock system_clock = { NULL, system_steady, system_wall, system_sleep };

/* Options ------------------------------------------------------------------------------------------ */

struct opening { char why[BI18N_MESSAGE_MAX]; };     /* what to say if it fails */

static enum bi18n_code refuse(struct opening *o, enum bi18n_code code, const char *why)
{
	if (o->why[0] == '\0')
		snprintf(o->why, sizeof(o->why), "%s", why);
	return code;
}

static int64_t bounded(int64_t v, int64_t fallback, int64_t max)
{
	if (v == 0)
		return fallback;
	return v < 0 ? 0 : v > max ? max : v;
}

static enum bi18n_code check_numbers(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	if (o->timeout_ms < 0 || o->connect_timeout_ms < 0 || o->attempts_max < 0 || o->cdn_fresh_ms < 0)
		return refuse(opening, BI18N_EINVAL, "timeouts, attempts_max, cdn_fresh_ms: not below 0");
	if (o->refresh_jitter_ms > JITTER_MS_MAX || o->attempts_max > ATTEMPTS_MAX ||
	    o->timeout_ms > TIMEOUT_MS_MAX || o->answer_bytes_max > ANSWER_BYTES_MAX)
		return refuse(opening, BI18N_EINVAL,
		              "refresh_jitter_ms, attempts_max, timeout_ms or answer_bytes_max: too large");
	client->timeout_ms = bounded(o->timeout_ms, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX);
	client->connect_timeout_ms = bounded(o->connect_timeout_ms, CONNECT_TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX);
	client->wait_max_ms = o->wait_max_ms < 0 ? -1 : bounded(o->wait_max_ms, WAIT_MS_DEFAULT, TIMEOUT_MS_MAX);
	client->jitter_ms = bounded(o->refresh_jitter_ms, JITTER_MS_DEFAULT, JITTER_MS_MAX);
	client->cdn_fresh_ms = bounded(o->cdn_fresh_ms, CDN_FRESH_MS_DEFAULT, INT64_MAX / 4);
	client->attempts_max = (int)bounded(o->attempts_max, ATTEMPTS_DEFAULT, ATTEMPTS_MAX);
	client->answer_bytes_max = o->answer_bytes_max == 0 ? ANSWER_BYTES_DEFAULT : o->answer_bytes_max;
	client->cdn_cache_bytes_max = o->cdn_cache_bytes_max == 0 ? CDN_BYTES_DEFAULT : o->cdn_cache_bytes_max;
	return BI18N_OK;
}

static enum bi18n_code check_keys(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	static const uint8_t none[BI18N_KEY_BYTES];

	if (o->keys == NULL || o->keys_n == 0 || o->keys_n > SEAL_KEYS_MAX)
		return refuse(opening, BI18N_EINVAL, "keys: 1 to 16, to seal refresh tokens with");
	for (size_t i = 0; i < o->keys_n; i++) {
		if (CRYPTO_memcmp(o->keys[i].bytes, none, sizeof(none)) == 0)
			return refuse(opening, BI18N_EINVAL, "keys: all zeroes are no key");
		for (size_t other = 0; other < i; other++) {
			if (o->keys[other].id == o->keys[i].id)
				return refuse(opening, BI18N_EINVAL, "keys: two with one id");
		}
		client->keys.v[i] = o->keys[i];
	}
	client->keys.n = o->keys_n;
	return BI18N_OK;
}

/* Text options: where they go, and what they must be. */
enum text_rule { RULE_ID, RULE_SECRET, RULE_URL, RULE_ANY };
struct text_option {
	const char    *name;
	size_t         from, into;
	const char    *fallback;               /* NULL: stays NULL */
	enum text_rule rule;
	bool           required;
};
#define OPTION(name, ...) \
	{ #name, offsetof(struct bi18n_options, name), offsetof(struct bi18n, name), __VA_ARGS__ }
static const struct text_option text_options[] = {
	OPTION(client_id, NULL, RULE_ID, true),
	OPTION(client_secret, NULL, RULE_SECRET, false),
	OPTION(redirect_uri, NULL, RULE_ANY, false),
	OPTION(base_url, HOSTED_API, RULE_URL, false),
	OPTION(authorize_base_url, HOSTED_AUTHORIZE, RULE_URL, false),
	OPTION(cdn_base_url, HOSTED_CDN, RULE_URL, false),
	OPTION(issuer, NULL, RULE_ANY, false),
};

static enum bi18n_code check_text(const struct text_option *option, const char *value)
{
	switch (option->rule) {
	case RULE_ID: return id_is_sane(value) ? BI18N_OK : BI18N_EINVAL;
	case RULE_SECRET: return token_is_sane(value) ? BI18N_OK : BI18N_EINVAL;
	case RULE_URL: return base_url_check(value);
	default: return strlen(value) < TEXT_OPTION_MAX ? BI18N_OK : BI18N_EINVAL;
	}
}

static enum bi18n_code copy_text(struct bi18n *client, const struct bi18n_options *o,
                                 const struct text_option *option, struct opening *opening)
{
	const char     *value = *(const char *const *)((const char *)o + option->from);
	char          **into = (char **)((char *)client + option->into);
	enum bi18n_code code;
	size_t          n;

	/* One host of our own serves all three; the hosted service has one for each. */
	if (value == NULL && option->rule == RULE_URL && o->base_url != NULL)
		value = o->base_url;
	if (value == NULL)
		value = option->fallback;
	if (value == NULL && option->required) {
		snprintf(opening->why, sizeof(opening->why), "%s: required", option->name);
		return BI18N_EINVAL;
	}
	if (value == NULL)
		return BI18N_OK;
	code = check_text(option, value);
	if (code != BI18N_OK) {
		snprintf(opening->why, sizeof(opening->why), "%s: %s", option->name,
		         code == BI18N_EINSECURE ? "https, or http on a loopback host" : "not what it should be");
		return code;
	}
	*into = plain_cstr(&client->alloc, value);
	if (*into == NULL)
		return BI18N_ENOMEM;
	n = strlen(*into);
	if (option->rule == RULE_URL && (*into)[n - 1] == '/')
		(*into)[n - 1] = '\0';
	return BI18N_OK;
}

static enum bi18n_code copy_texts(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	for (size_t i = 0; i < COUNT(text_options); i++) {
		enum bi18n_code code = copy_text(client, o, &text_options[i], opening);

		if (code != BI18N_OK)
			return code;
	}
	return BI18N_OK;
}

static bool store_whole(const struct bi18n_store *s)
{
	return s->upsert != NULL && s->find != NULL && s->list != NULL && s->swap != NULL &&
	       s->replace != NULL &&
	       s->pending_put != NULL && s->pending_take != NULL;
}

static enum bi18n_code open_store(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	str             url = str_from(o->store);
	enum bi18n_code code;

	if ((o->store == NULL) == (o->custom_store == NULL))
		return refuse(opening, BI18N_EINVAL, "store: give one, or custom_store");
	if (o->custom_store != NULL) {
		if (!store_whole(o->custom_store))
			return refuse(opening, BI18N_EINVAL, "custom_store: a function is missing");
		client->store = *o->custom_store;
		client->store_open = true;
		return BI18N_OK;
	}
	if (str_starts(url, S("sqlite:")) && url.n > S("sqlite:").n)
		code = sqlite_open(o->store + S("sqlite:").n, &client->alloc, &client->store, opening->why);
	else if (str_starts(url, S("postgres://")) || str_starts(url, S("postgresql://")))
		code = postgres_open(o->store, &client->alloc, &client->store, opening->why);
	else
		return refuse(opening, BI18N_EINVAL, "store: sqlite:FILE or postgres://...");
	client->store_open = code == BI18N_OK;
	return code;
}

static enum bi18n_code open_network(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	char agent[USER_AGENT_MAX + 64];

	if (o->user_agent != NULL && (strlen(o->user_agent) > USER_AGENT_MAX || strpbrk(o->user_agent, "\r\n") != NULL))
		return refuse(opening, BI18N_EINVAL, "user_agent: one line of at most 200 bytes");
	snprintf(agent, sizeof(agent), "%s%slibbi18n/%s", o->user_agent == NULL ? "" : o->user_agent,
	         o->user_agent == NULL ? "" : " ", bi18n_version());
	if (client->transport.send == NULL &&
	    !transport_curl_open(&client->alloc, o->ca_file, agent, &client->transport))
		return BI18N_ENOMEM;
	if (o->redis != NULL && client->shared.get == NULL) {
		enum bi18n_code code = redis_open(o->redis, &client->alloc, &client->shared);

		if (code != BI18N_OK)
			return refuse(opening, code, code == BI18N_EUNSUPPORTED
			              ? "this build has no Redis" : "redis: redis://[:PASSWORD@]HOST[:PORT][/DB] or unix:PATH");
	}
	return BI18N_OK;
}

static enum bi18n_code open_all(struct bi18n *client, const struct bi18n_options *o, struct opening *opening)
{
	enum bi18n_code code = check_numbers(client, o, opening);

	if (code == BI18N_OK)
		code = check_keys(client, o, opening);
	if (code == BI18N_OK)
		code = copy_texts(client, o, opening);
	if (code == BI18N_OK)
		code = open_network(client, o, opening);
	if (code == BI18N_OK && (!table_create(client) || !cdn_create(client)))
		code = BI18N_ENOMEM;
	if (code == BI18N_OK)
		code = open_store(client, o, opening);
	return code;
}

static void error_tell(struct bi18n_error *error, enum bi18n_code code, const char *why)
{
	if (error == NULL)
		return;
	memset(error, 0, sizeof(*error));
	error->code = code;
	snprintf(error->message, sizeof(error->message), "%s",
	         why[0] != '\0' || code == BI18N_OK ? why : bi18n_code_text(code));
}

static void close_parts(const struct transport *transport, const struct shared *shared)
{
	if (transport != NULL && transport->close != NULL)
		transport->close(transport->context);
	if (shared != NULL && shared->close != NULL)
		shared->close(shared->context);
}

enum bi18n_code client_open(const struct bi18n_options *options, const struct transport *transport,
                            const struct shared *shared, struct bi18n **out, struct bi18n_error *error)
{
	const struct bi18n_allocator *alloc = options->allocator != NULL ? options->allocator : &system_allocator;
	struct opening                opening = { 0 };
	struct bi18n                 *client = plain_alloc(alloc, sizeof(*client));
	enum bi18n_code               code;

	if (client == NULL) {
		close_parts(transport, shared);
		error_tell(error, BI18N_ENOMEM, "");
		return BI18N_ENOMEM;
	}
	client->alloc = *alloc;
	client->clock = options->clock != NULL ? *options->clock : system_clock;
	client->fast_clock = options->clock == NULL;
	if (transport != NULL)
		client->transport = *transport;
	if (shared != NULL)
		client->shared = *shared;
	code = open_all(client, options, &opening);
	error_tell(error, code, opening.why);
	if (code == BI18N_OK)
		*out = client;
	else
		bi18n_close(&client);
	return code;
}

enum bi18n_code bi18n_open(const struct bi18n_options *options, struct bi18n **out, struct bi18n_error *error)
{
	if (options == NULL || out == NULL) {
		error_tell(error, BI18N_EINVAL, "options and out: required");
		return BI18N_EINVAL;
	}
	if (options->clock != NULL && (options->clock->steady_ms == NULL || options->clock->wall_ms == NULL ||
	                               options->clock->sleep_ms == NULL)) {
		error_tell(error, BI18N_EINVAL, "clock: all three functions or none");
		return BI18N_EINVAL;
	}
	return client_open(options, NULL, NULL, out, error);
}

void bi18n_close(struct bi18n **handle)
{
	struct bi18n          *client = handle == NULL ? NULL : *handle;
	struct bi18n_allocator alloc;

	if (client == NULL)
		return;
	*handle = NULL;
	alloc = client->alloc;
	cdn_destroy(client);
	table_destroy(client);
	close_parts(&client->transport, &client->shared);
	if (client->store_open && client->store.close != NULL)
		client->store.close(client->store.context);
	for (size_t i = 0; i < COUNT(text_options); i++) {
		char *text = *(char **)((char *)client + text_options[i].into);

		plain_free(&alloc, text, text == NULL ? 0 : strlen(text) + 1);
	}
	plain_free(&alloc, client, sizeof(*client));
}

void bi18n_stats(const struct bi18n *client, struct bi18n_stats *out)
{
	const struct counters *c = &client->counters;

	*out = (struct bi18n_stats){
		.calls = atomic_load(&c->calls), .mints = atomic_load(&c->mints),
		.refreshes = atomic_load(&c->refreshes), .retries = atomic_load(&c->retries),
		.token_hits = atomic_load(&c->token_hits), .shared_hits = atomic_load(&c->shared_hits),
	};
}
