/* SPDX-License-Identifier: MIT
 *
 * Published texts: kept in memory, asked for again with their ETag, served stale meanwhile by a thread that
 * starts with the first need. Source: contract "cdn-and-cli" sections 4 and 10, "seed" row 14. */
#include "client/client_int.h"

enum { BUCKETS = 256, RETRY_MS = 5 * SECOND_MS, LOCALE_MAX = 36, NAME_SPACE_MAX = 128 };

struct kept {
	struct kept *next;               /* of its bucket                              */
	char        *url;
	char        *etag, *type, *body;
	size_t       body_n, bytes;
	int64_t      fresh_until_ms, used_ms;
	int64_t      quiet_until_ms;     /* asking failed: not again before            */
	bool         asking;             /* the thread has it, or will                 */
};

struct cdn {
	pthread_mutex_t lock;
	pthread_cond_t  wanted;
	pthread_t       thread;
	struct bi18n_cancel *cancel;     /* of the thread, when the client is closed   */
	bool            running, ending;
	struct kept    *buckets[BUCKETS];
	size_t          bytes;
};

bool cdn_create(struct bi18n *client)
{
	struct cdn *cdn = plain_alloc(&client->alloc, sizeof(*cdn));

	if (cdn == NULL)
		return false;
	cdn->cancel = bi18n_cancel_create();
	if (cdn->cancel == NULL) {
		plain_free(&client->alloc, cdn, sizeof(*cdn));
		return false;
	}
	pthread_mutex_init(&cdn->lock, NULL);
	pthread_cond_init(&cdn->wanted, NULL);
	client->cdn = cdn;
	return true;
}

/* Entries ------------------------------------------------------------------------------------------ */

static struct kept **kept_place(struct cdn *cdn, const char *url)
{
	struct kept **at = &cdn->buckets[str_hash(str_from(url)) % BUCKETS];

	while (*at != NULL && strcmp((*at)->url, url) != 0)
		at = &(*at)->next;
	return at;
}

static void cstr_free(struct bi18n *client, char *s)
{
	plain_free(&client->alloc, s, s == NULL ? 0 : strlen(s) + 1);
}

static void content_free(struct bi18n *client, struct kept *k)
{
	cstr_free(client, k->etag);
	cstr_free(client, k->type);
	plain_free(&client->alloc, k->body, k->body_n + 1);
	client->cdn->bytes -= k->bytes;
	k->etag = k->type = k->body = NULL;
	k->bytes = 0;
}

static void kept_remove(struct bi18n *client, struct kept **at)
{
	struct kept *k = *at;

	*at = k->next;
	content_free(client, k);
	cstr_free(client, k->url);
	plain_free(&client->alloc, k, sizeof(*k));
}

/* Under the lock: makes room by what was used longest ago. */
static void make_room(struct bi18n *client)
{
	struct cdn *cdn = client->cdn;

	while (cdn->bytes > client->cdn_cache_bytes_max) {
		struct kept **oldest = NULL;

		for (size_t i = 0; i < BUCKETS; i++) {
			for (struct kept **at = &cdn->buckets[i]; *at != NULL; at = &(*at)->next) {
				if (!(*at)->asking && (oldest == NULL || (*at)->used_ms < (*oldest)->used_ms))
					oldest = at;
			}
		}
		if (oldest == NULL)
			return;
		kept_remove(client, oldest);
	}
}

static bool content_set(struct bi18n *client, struct kept *k, const struct transport_answer *answer)
{
	char *etag = plain_cstr(&client->alloc, answer->etag), *type = plain_cstr(&client->alloc, answer->content_type);
	char *body = plain_alloc(&client->alloc, answer->body.n + 1);

	if (etag == NULL || type == NULL || body == NULL) {
		cstr_free(client, etag);
		cstr_free(client, type);
		plain_free(&client->alloc, body, answer->body.n + 1);
		return false;
	}
	content_free(client, k);
	memcpy(body, answer->body.p, answer->body.n);
	k->etag = etag;
	k->type = type;
	k->body = body;
	k->body_n = answer->body.n;
	k->bytes = sizeof(*k) + strlen(k->url) + strlen(etag) + strlen(type) + answer->body.n;
	client->cdn->bytes += k->bytes;
	return true;
}

/* Under the lock: a new answer in its place. It is a cache: without memory nothing is kept. */
static void kept_put(struct bi18n *client, const char *url, const struct transport_answer *answer, int64_t now_ms)
{
	struct kept **at = kept_place(client->cdn, url), *k = *at;

	if (k == NULL) {
		k = plain_alloc(&client->alloc, sizeof(*k));
		if (k == NULL)
			return;
		k->url = plain_cstr(&client->alloc, url);
		if (k->url == NULL) {
			plain_free(&client->alloc, k, sizeof(*k));
			return;
		}
		*at = k;
	}
	k->asking = false;
	k->used_ms = now_ms;
	if (!content_set(client, k, answer)) {
		if (k->body == NULL)
			kept_remove(client, at);
		return;
	}
	k->fresh_until_ms = now_ms + client->cdn_fresh_ms;
	make_room(client);
}

/* Asking ------------------------------------------------------------------------------------------- */

static bool fetch(struct work *w, const char *url, const char *etag, struct transport_answer *out)
{
	struct transport_request request = { .method = "GET", .url = url, .repeatable = true,
		                             .answer_bytes_max = w->client->answer_bytes_max };

	if (etag != NULL && etag[0] != '\0') {
		request.headers[0] = pool_printf(&w->pool, "If-None-Match: %s", etag);
		request.headers_n = 1;
		if (request.headers[0] == NULL)
			return fault_nomem(w);
	}
	return exchange(w, &request, out);
}

/* Under the lock: what a repeated question brought. Trouble leaves what is there, stale, and ends the asking for
 * some seconds, or for as long as the server said. */
static void refreshed(struct work *w, const char *url, bool ok, const struct transport_answer *answer)
{
	struct bi18n *client = w->client;
	int64_t       pause_ms = w->fault.retry_after_ms > RETRY_MS ? w->fault.retry_after_ms : RETRY_MS;
	struct kept  *k = *kept_place(client->cdn, url);
	int64_t       now_ms = steady_now(client);

	if (k == NULL)
		return;
	k->asking = false;
	k->quiet_until_ms = 0;
	if (!ok || (answer->status != 200 && answer->status != 304))
		k->quiet_until_ms = now_ms + pause_ms;
	else if (answer->status == 304)
		k->fresh_until_ms = now_ms + client->cdn_fresh_ms;
	else
		kept_put(client, url, answer, now_ms);
}

static struct kept *next_wanted(struct cdn *cdn)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct kept *k = cdn->buckets[i]; k != NULL; k = k->next) {
			if (k->asking)
				return k;
		}
	}
	return NULL;
}

static void *thread_main(void *context)
{
	struct bi18n *client = context;
	struct cdn   *cdn = client->cdn;

	pthread_mutex_lock(&cdn->lock);
	while (!cdn->ending) {
		struct kept            *k = next_wanted(cdn);
		struct bi18n_call       call = { .cancel = cdn->cancel };
		struct transport_answer answer;
		struct work             w;
		const char             *url, *etag;
		bool                    ok;

		if (k == NULL) {
			pthread_cond_wait(&cdn->wanted, &cdn->lock);
			continue;
		}
		work_begin(&w, client, &call, NULL);
		url = pool_cstr(&w.pool, str_from(k->url));
		etag = pool_cstr(&w.pool, str_from(k->etag));
		if (url == NULL || etag == NULL) {
			k->asking = false;
			work_end(&w);
			continue;
		}
		pthread_mutex_unlock(&cdn->lock);
		ok = fetch(&w, url, etag, &answer);
		pthread_mutex_lock(&cdn->lock);
		refreshed(&w, url, ok, &answer);
		work_end(&w);
	}
	pthread_mutex_unlock(&cdn->lock);
	return NULL;
}

/* Under the lock. Without a thread the next call asks by itself. */
static bool ask_behind(struct bi18n *client, struct kept *k)
{
	struct cdn *cdn = client->cdn;

	if (!cdn->running)
		cdn->running = pthread_create(&cdn->thread, NULL, thread_main, client) == 0;
	if (!cdn->running)
		return false;
	k->asking = true;
	pthread_cond_signal(&cdn->wanted);
	return true;
}

void cdn_destroy(struct bi18n *client)
{
	struct cdn *cdn = client->cdn;

	if (cdn == NULL)
		return;
	bi18n_cancel(cdn->cancel);
	pthread_mutex_lock(&cdn->lock);
	cdn->ending = true;
	pthread_cond_signal(&cdn->wanted);
	pthread_mutex_unlock(&cdn->lock);
	if (cdn->running)
		pthread_join(cdn->thread, NULL);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (cdn->buckets[i] != NULL)
			kept_remove(client, &cdn->buckets[i]);
	}
	bi18n_cancel_destroy(&cdn->cancel);
	pthread_cond_destroy(&cdn->wanted);
	pthread_mutex_destroy(&cdn->lock);
	plain_free(&client->alloc, cdn, sizeof(*cdn));
	client->cdn = NULL;
}

/* The call ----------------------------------------------------------------------------------------- */

static bool part_is_sane(const char *s, size_t max)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++) {
		char c = s[n];

		if (n >= max || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		                  c == '-' || c == '_' || (c == '.' && n > 0)))
			return false;
	}
	return n > 0;
}

/* "org/project", or a project's id. */
static bool project_is_sane(struct work *w, const char *project)
{
	str rest = str_from(project), part;
	int parts = 0;

	while (str_cut(&rest, '/', &part)) {
		char *one = pool_cstr(&w->pool, part);

		if (one == NULL || ++parts > 2 || !part_is_sane(one, BI18N_ID_MAX))
			return false;
	}
	return parts > 0;
}

static const char *cdn_url(struct work *w, const char *project, const char *locale, const char *name_space)
{
	const char *base = w->client->cdn_base_url;

	if (project == NULL || locale == NULL || !project_is_sane(w, project) || !part_is_sane(locale, LOCALE_MAX) ||
	    (name_space != NULL && !part_is_sane(name_space, NAME_SPACE_MAX))) {
		if (!w->pool.failed)
			fault_put(w, BI18N_EINVAL, "project: \"org/project\"; locale, name_space: such as \"en\"");
		else
			fault_put(w, BI18N_ENOMEM, "out of memory");
		return NULL;
	}
	if (name_space == NULL)
		return pool_printf(&w->pool, "%s/%s/%s.json", base, project, locale);
	return pool_printf(&w->pool, "%s/%s/%s/%s.json", base, project, locale, name_space);
}

/* Under the lock: from memory if it is there. `stale`: it is past its time. */
static bool memory_give(struct work *w, struct kept *k, bool stale, struct bi18n_answer **out)
{
	struct transport_answer answer = { .status = 200, .body = { k->body, k->body_n }, .content_type = k->type,
		                           .etag = k->etag };

	k->used_ms = steady_now(w->client);
	if (!answer_give(w, &answer, out))
		return false;
	(*out)->stale = stale;
	return true;
}

/* true: done, well or not (fault). */
static bool from_memory(struct work *w, const char *url, struct bi18n_answer **out)
{
	struct cdn  *cdn = w->client->cdn;
	struct kept *k;
	bool         done = false;

	pthread_mutex_lock(&cdn->lock);
	k = *kept_place(cdn, url);
	if (k != NULL && k->body != NULL) {
		int64_t now_ms = steady_now(w->client);
		bool    stale = now_ms >= k->fresh_until_ms;

		if (!stale || k->asking || now_ms < k->quiet_until_ms || ask_behind(w->client, k)) {
			(void)memory_give(w, k, stale, out);
			done = true;
		}
	}
	pthread_mutex_unlock(&cdn->lock);
	return done;
}

static void from_network(struct work *w, const char *url, struct bi18n_answer **out)
{
	struct transport_answer answer;

	if (!fetch(w, url, NULL, &answer))
		return;
	if (answer.status != 200) {
		fault_answer(w, &answer);
		return;
	}
	pthread_mutex_lock(&w->client->cdn->lock);
	kept_put(w->client, url, &answer, steady_now(w->client));
	pthread_mutex_unlock(&w->client->cdn->lock);
	(void)answer_give(w, &answer, out);
}

enum bi18n_code bi18n_cdn_get(struct bi18n *client, const char *project, const char *locale, const char *name_space,
                              const struct bi18n_call *call, struct bi18n_answer **out, struct bi18n_error *error)
{
	const char *url;
	struct work w;

	work_begin(&w, client, call, error);
	url = cdn_url(&w, project, locale, name_space);
	if (url == NULL && w.fault.code == BI18N_OK)
		fault_put(&w, BI18N_ENOMEM, "out of memory");
	if (url != NULL && !from_memory(&w, url, out))
		from_network(&w, url, out);
	return work_end(&w);
}
