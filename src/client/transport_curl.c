/* SPDX-License-Identifier: MIT */
#include "client/transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { IDLE_HANDLES_MAX = 64, HEADER_VALUE_MAX = 512 };

struct bi18n_cancel { atomic_bool asked; };

struct curl_transport {
	struct bi18n_allocator alloc;
	pthread_mutex_t        lock;
	CURL                  *idle[IDLE_HANDLES_MAX];
	size_t                 idle_n;
	char                  *ca_file, *user_agent;
};

/* One exchange on its way. */
struct exchange {
	const struct transport_request *request;
	struct transport_answer        *answer;
	struct pool                    *pool;
	struct text                     body;
	size_t                          sent;
};

struct bi18n_cancel *bi18n_cancel_create(void)
{
	struct bi18n_cancel *cancel = malloc(sizeof(*cancel));

	if (cancel != NULL)
		atomic_init(&cancel->asked, false);
	return cancel;
}

void bi18n_cancel(struct bi18n_cancel *cancel)
{
	if (cancel != NULL)
		atomic_store(&cancel->asked, true);
}

void bi18n_cancel_destroy(struct bi18n_cancel **cancel)
{
	if (cancel == NULL)
		return;
	free(*cancel);
	*cancel = NULL;
}

bool cancel_asked(const struct bi18n_cancel *cancel)
{
	return cancel != NULL && atomic_load(&cancel->asked);
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct exchange *x = context;

	return text_add(&x->body, (str){ data, size * n }) ? size * n : 0;
}

static const char *header_value(struct exchange *x, str line)
{
	str value = str_trim(line);

	if (value.n >= HEADER_VALUE_MAX)
		return "";
	value = (str){ pool_cstr(x->pool, value), value.n };
	return value.p != NULL ? value.p : "";
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
	static const struct { str name; size_t offset; } wanted[] = {
		{ STR("content-type"), offsetof(struct transport_answer, content_type) },
		{ STR("etag"), offsetof(struct transport_answer, etag) },
		{ STR("retry-after"), offsetof(struct transport_answer, retry_after) },
	};
	struct exchange *x = context;
	str              rest = { data, size * n }, name;

	while (rest.n > 0 && (rest.p[rest.n - 1] == '\r' || rest.p[rest.n - 1] == '\n'))
		rest.n--;
	if (!str_cut(&rest, ':', &name) || rest.p == NULL)
		return size * n;
	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (str_eq_nocase(name, wanted[i].name))
			*(const char **)((char *)x->answer + wanted[i].offset) = header_value(x, rest);
	}
	return size * n;
}

static size_t on_read(char *to, size_t size, size_t n, void *context)
{
	struct exchange *x = context;
	str              rest = str_sub(x->request->body, x->sent, size * n);

	if (rest.n > 0)
		memcpy(to, rest.p, rest.n);
	x->sent += rest.n;
	return rest.n;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return cancel_asked(((struct exchange *)context)->request->cancel);
}

/* What is the same for every request is set once: setting it each time costs a tenth of a request. */
static CURL *handle_create(const struct curl_transport *t)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, t->user_agent);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (t->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
	return easy;
}

static CURL *handle_take(struct curl_transport *t)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&t->lock);
	if (t->idle_n > 0)
		easy = t->idle[--t->idle_n];
	pthread_mutex_unlock(&t->lock);
	return easy != NULL ? easy : handle_create(t);
}

/* Nothing of the request stays behind, but for its connection. */
static void handle_give(struct curl_transport *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, NULL);
	curl_easy_setopt(easy, CURLOPT_READDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	pthread_mutex_lock(&t->lock);
	if (t->idle_n < IDLE_HANDLES_MAX) {
		t->idle[t->idle_n++] = easy;
		easy = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	curl_easy_cleanup(easy);
}

static bool headers_make(const struct transport_request *request, struct curl_slist **out)
{
	/* Without this curl may wait for a 100 that never comes. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list != NULL && i < request->headers_n; i++) {
		struct curl_slist *more = curl_slist_append(list, request->headers[i]);

		if (more == NULL)
			curl_slist_free_all(list);
		list = more;
	}
	*out = list;
	return list != NULL;
}

/* A body through a callback that cannot rewind: where curl would quietly send a request again on a new
 * connection, because the old one closed without a byte, it fails instead. Without a body, a new connection
 * has the same effect. A code that is redeemed twice kills its grant (RFC 6749 4.1.2). */
static void body_set(CURL *easy, struct exchange *x)
{
	const struct transport_request *request = x->request;
	bool                            bodiless = request->body.p == NULL || request->body.n == 0;
	long                            alone = bodiless && !request->repeatable;

	/* Not kept either: curl tries each connection that it has kept, one after the other. */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, alone);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, alone);
	if (bodiless && strcmp(request->method, "POST") != 0)
		return;
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
	if (bodiless || request->repeatable) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bodiless ? "" : request->body.p);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, x);
}

static void method_set(CURL *easy, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void options_set(CURL *easy, struct exchange *x)
{
	const struct transport_request *request = x->request;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, request->cancel == NULL ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
}

static enum transport_result result_of(CURL *easy, CURLcode code, struct exchange *x, char why[BI18N_MESSAGE_MAX])
{
	long status = 0;

	snprintf(why, BI18N_MESSAGE_MAX, "%s", curl_easy_strerror(code));
	if (x->pool->failed || code == CURLE_OUT_OF_MEMORY)
		return TRANSPORT_NOMEM;
	if (x->body.too_big)
		return TRANSPORT_TOO_BIG;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return TRANSPORT_CANCELED;
	if (code != CURLE_OK)
		return TRANSPORT_FAILED;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	x->answer->status = (int)status;
	x->answer->body = (str){ text_cstr(&x->body), x->body.n };
	return x->answer->body.p != NULL ? TRANSPORT_ANSWERED : TRANSPORT_NOMEM;
}

static enum transport_result curl_send(void *context, const struct transport_request *request, struct pool *pool,
                                       struct transport_answer *out, char why[BI18N_MESSAGE_MAX])
{
	struct curl_transport *t = context;
	struct exchange        x = { .request = request, .answer = out, .pool = pool };
	CURL                  *easy = handle_take(t);
	struct curl_slist     *headers = NULL;
	enum transport_result  result = TRANSPORT_NOMEM;

	*out = (struct transport_answer){ .content_type = "", .etag = "", .retry_after = "" };
	text_init(&x.body, pool, request->answer_bytes_max);
	if (easy == NULL)
		return TRANSPORT_NOMEM;
	if (headers_make(request, &headers)) {
		options_set(easy, &x);
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		body_set(easy, &x);
		method_set(easy, request->method);
		result = result_of(easy, curl_easy_perform(easy), &x, why);
	}
	handle_give(t, easy);
	curl_slist_free_all(headers);
	return result;
}

static void curl_close(void *context)
{
	struct curl_transport *t = context;
	struct bi18n_allocator alloc = t->alloc;

	for (size_t i = 0; i < t->idle_n; i++)
		curl_easy_cleanup(t->idle[i]);
	pthread_mutex_destroy(&t->lock);
	if (t->ca_file != NULL)
		plain_free(&alloc, t->ca_file, strlen(t->ca_file) + 1);
	if (t->user_agent != NULL)
		plain_free(&alloc, t->user_agent, strlen(t->user_agent) + 1);
	plain_free(&alloc, t, sizeof(*t));
	curl_global_cleanup();
}

bool transport_curl_open(const struct bi18n_allocator *alloc, const char *ca_file, const char *user_agent,
                         struct transport *out)
{
	struct curl_transport *t = plain_alloc(alloc, sizeof(*t));

	if (t == NULL)
		return false;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		plain_free(alloc, t, sizeof(*t));
		return false;
	}
	t->alloc = *alloc;
	pthread_mutex_init(&t->lock, NULL);
	t->user_agent = plain_cstr(alloc, user_agent);
	t->ca_file = ca_file == NULL ? NULL : plain_cstr(alloc, ca_file);
	if (t->user_agent == NULL || (ca_file != NULL && t->ca_file == NULL)) {
		curl_close(t);
		return false;
	}
	*out = (struct transport){ t, curl_send, curl_close };
	return true;
}
