/* SPDX-License-Identifier: MIT
 *
 * Calls with a connection's token: what each status means, and what may be sent again. */
#include "client/client_int.h"

enum { PATH_BYTES_MAX = 128 * 1024, RECONNECTED_MAX = 1 };

static bool method_repeatable(const char *method)
{
	static const char *const safe[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" };

	for (size_t i = 0; i < COUNT(safe); i++) {
		if (strcmp(method, safe[i]) == 0)
			return true;
	}
	return false;
}

static bool path_is_sane(const char *path)
{
	const char *p = path;

	while (*p > ' ' && *p <= '~' && *p != '#' && *p != '\\')
		p++;
	return *p == '\0' && path[0] == '/' && path[1] != '/' && p - path <= PATH_BYTES_MAX;
}

static bool header_is_sane(const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value < ' ' || *value > '~')
			return false;
	}
	return true;
}

static bool method_is_sane(const char *method)
{
	size_t n = 0;

	while (method[n] >= 'A' && method[n] <= 'Z')
		n++;
	return n > 0 && n <= 16 && method[n] == '\0';
}

static bool request_check(struct work *w, const struct bi18n_request *r)
{
	if (r == NULL || r->method == NULL || !method_is_sane(r->method))
		return fault_set(w, BI18N_EINVAL, "method: upper-case letters");
	if (r->path == NULL || !path_is_sane(r->path))
		return fault_set(w, BI18N_EINVAL, "path: from \"/\" on, encoded, without a fragment");
	if ((r->content_type != NULL && !header_is_sane(r->content_type)) ||
	    (r->if_none_match != NULL && !header_is_sane(r->if_none_match)))
		return fault_set(w, BI18N_EINVAL, "content_type or if_none_match: not a header's value");
	if (r->body_n > 0 && (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0))
		return fault_set(w, BI18N_EINVAL, "body: not with %s", r->method);
	return r->body != NULL || r->body_n == 0 || fault_set(w, BI18N_EINVAL, "body: NULL, but body_n is not 0");
}

static bool request_make(struct work *w, const struct bi18n_request *r, const char *token,
                         struct transport_request *out)
{
	bool        trpc = strncmp(r->path, "/api/trpc/", strlen("/api/trpc/")) == 0;
	const char *type = r->content_type == NULL ? "application/json" : r->content_type;

	*out = (struct transport_request){
		.method = r->method, .url = pool_join(&w->pool, str_from(w->client->base_url), str_from(r->path)),
		.repeatable = r->idempotent || method_repeatable(r->method),
		.answer_bytes_max = w->client->answer_bytes_max,
	};
	out->headers[out->headers_n++] =
		pool_join(&w->pool, trpc ? S("x-api-key: ") : S("Authorization: Bearer "), str_from(token));
	if (r->body != NULL) {
		out->body = (str){ r->body, r->body_n };
		out->headers[out->headers_n++] = pool_printf(&w->pool, "Content-Type: %s", type);
	}
	if (r->if_none_match != NULL)
		out->headers[out->headers_n++] = pool_printf(&w->pool, "If-None-Match: %s", r->if_none_match);
	return !w->pool.failed || fault_nomem(w);
}

/* 403: a scope, or something else. Neither is sent again. */
static bool refused(struct work *w, const struct transport_answer *answer)
{
	const char *required, *error = answer_error(w, answer, &required);

	fault_answer(w, answer);
	if (answer->status == 403 && strcmp(error, "missing_scope") == 0) {
		w->fault.code = BI18N_SCOPE_REQUIRED;
		snprintf(w->fault.required, sizeof(w->fault.required), "%s", required);
	}
	return false;
}

/* 410. AGAIN: the user has reconnected, so that there is another grant to call with. */
static enum step revoked(struct work *w, struct entry *entry)
{
	struct grant now;
	char         grant_id[BI18N_ID_MAX];
	enum step    step;

	pthread_mutex_lock(&entry->lock);
	memcpy(grant_id, entry->grant_id, sizeof(grant_id));
	pthread_mutex_unlock(&entry->lock);
	if (!grant_find(w, entry->owner, entry->organization, true, &now))
		return STEP_FAILED;
	step = strcmp(now.grant_id, grant_id) != 0 && now.disconnected_ms == 0 ? STEP_AGAIN
	                                                                       : grant_gone(w, entry, &now, false);
	pthread_mutex_lock(&entry->lock);
	if (strcmp(entry->grant_id, grant_id) == 0)
		slot_write(&entry->slot, "", 0, 0);
	pthread_mutex_unlock(&entry->lock);
	w->fault.http_status = 410;
	return step;
}

static uint64_t path_hash(const char *path)
{
	str whole = str_from(path), part = whole;

	(void)str_cut(&whole, '?', &part);
	return str_hash(part) | 1;
}

/* 429 holds for later calls as well: of the whole connection if that is what is limited, else (a cool-down of
 * one procedure) of the same path. */
static void quiet_begin(struct work *w, struct entry *entry, const char *path, const struct transport_answer *answer)
{
	bool all = strcmp(answer_error(w, answer, NULL), "rate_limited") == 0;

	atomic_store_explicit(&entry->quiet_path, all ? 0 : path_hash(path), memory_order_relaxed);
	atomic_store_explicit(&entry->quiet_until_ms, steady_now(w->client) + w->fault.retry_after_ms,
	                      memory_order_relaxed);
}

static bool quiet_over(struct work *w, struct entry *entry, const char *path)
{
	int64_t  left_ms = atomic_load_explicit(&entry->quiet_until_ms, memory_order_relaxed) - steady_now(w->client);
	uint64_t about;

	if (left_ms <= 0)
		return true;
	about = atomic_load_explicit(&entry->quiet_path, memory_order_relaxed);
	if (about != 0 && about != path_hash(path))
		return true;
	if (left_ms <= w->client->wait_max_ms)
		return work_sleep(w, left_ms);
	fault_put(w, BI18N_RATE_LIMITED, "this connection is to wait");
	w->fault.retry_after_ms = left_ms;
	return false;
}

static bool unauthorized(struct work *w, struct entry *entry, const char *token, int *rejected)
{
	if (++*rejected > 1 || !token_doubt(w, entry, token)) {
		fault_put(w, BI18N_TRY_LATER, "the server refuses a token that it has just minted");
		w->fault.http_status = 401;
		w->fault.retry_after_ms = RENEW_BEFORE_MS;
		return false;
	}
	atomic_fetch_add_explicit(&w->client->counters.retries, 1, memory_order_relaxed);
	return true;
}

static bool answer_sort(struct work *w, struct entry *entry, const char *token, struct transport_answer *answer,
                        int *rejected, int *reconnected)
{
	switch (answer->status) {
	case 401: return unauthorized(w, entry, token, rejected);
	case 410:
		if (revoked(w, entry) != STEP_AGAIN)
			return false;
		if (++*reconnected > RECONNECTED_MAX) {
			fault_put(w, BI18N_RECONNECT_REQUIRED, "revoked again");
			return false;
		}
		fault_clear(w);
		return true;
	default: return refused(w, answer);
	}
}

/* Into the result from here on; what renewing the token brings never gets there. */
static bool exchange_result(struct work *w, struct transport_request *request, struct transport_answer *out)
{
	bool ok;

	w->answers = w->result != NULL ? w->result : &w->pool;
	ok = exchange(w, request, out);
	w->answers = &w->pool;
	return ok;
}

bool call_send(struct work *w, const char *owner, const char *organization, const struct bi18n_request *r,
               struct transport_answer *out, struct entry **entry_out)
{
	int rejected = 0, reconnected = 0;

	if (!request_check(w, r) || !entry_find(w, owner, organization, entry_out))
		return false;
	atomic_fetch_add_explicit(&w->client->counters.calls, 1, memory_order_relaxed);
	for (;;) {
		struct entry            *entry = *entry_out;
		struct transport_request request;
		char                     token[BI18N_TOKEN_MAX];

		if (!token_take(w, entry, token, NULL) || !quiet_over(w, entry, r->path) ||
		    !request_make(w, r, token, &request))
			return false;
		if (!exchange_result(w, &request, out)) {
			if (w->fault.code == BI18N_RATE_LIMITED)
				quiet_begin(w, entry, r->path, out);
			return false;
		}
		if (out->status < 400) {
			atomic_store_explicit(&entry->state, BI18N_CONNECTED, memory_order_relaxed);
			return true;
		}
		if (!answer_sort(w, entry, token, out, &rejected, &reconnected))
			return false;
	}
}

static void answer_tell(struct bi18n_answer *result, const struct transport_answer *answer)
{
	result->status = answer->status;
	result->body = answer->body.p;
	result->body_n = answer->body.n;
	result->content_type = answer->content_type;
	result->etag = answer->etag;
}

bool answer_give(struct work *w, const struct transport_answer *answer, struct bi18n_answer **out)
{
	struct bi18n_answer    *result = result_create(&w->client->alloc, sizeof(*result));
	struct transport_answer copy;
	struct pool            *p;

	if (result == NULL)
		return fault_nomem(w);
	p = result_pool(result);
	copy = (struct transport_answer){
		.status = answer->status, .body = { pool_cstr(p, answer->body), answer->body.n },
		.content_type = pool_cstr(p, str_from(answer->content_type)),
		.etag = pool_cstr(p, str_from(answer->etag)),
	};
	if (p->failed) {
		bi18n_free(result);
		return fault_nomem(w);
	}
	answer_tell(result, &copy);
	*out = result;
	return true;
}

enum bi18n_code bi18n_request(struct bi18n *client, const char *owner_id, const char *organization,
                              const struct bi18n_request *request, const struct bi18n_call *call,
                              struct bi18n_answer **out, struct bi18n_error *error)
{
	struct bi18n_answer    *result = result_create(&client->alloc, sizeof(*result));
	struct transport_answer answer;
	struct entry           *entry = NULL;
	struct work             w;

	work_begin(&w, client, call, error);
	if (result == NULL) {
		fault_put(&w, BI18N_ENOMEM, "out of memory");
		return work_end(&w);
	}
	w.result = result_pool(result);
	if (call_send(&w, owner_id, organization, request, &answer, &entry)) {
		answer_tell(result, &answer);
		*out = result;
	} else {
		bi18n_free(result);
	}
	return work_end_with(&w, entry);
}
