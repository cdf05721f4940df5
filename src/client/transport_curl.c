/* SPDX-License-Identifier: MIT
 *
 * libcurl. A line is a handle with a connection of its own; what never changes is set once in its life and what a
 * request needs beyond that is taken back after it, because setting it all each time costs a tenth of a request. */
#include "client/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	IDLE_LINES_MAX = 64,
	HEADER_VALUE_MAX = 512,
	POLL_MS_MAX = 500,
	BODY_HINT_MAX = 256 * 1024,
	USER_AGENT_ROOM = 512,
	URL_KEPT_MAX = 256
};

/* The descriptor becomes readable when it is asked and stays so: whoever waits for the network wakes at once. */
struct bi18n_cancel {
	atomic_bool asked;
	int         fd;
};

/* One exchange on its way. */
struct exchange {
	const struct transport_request *request;
	struct transport_answer        *answer;
	struct pool                    *pool;
	struct text                     body;
	size_t                          sent;
};

struct line {
	CURL           *easy;
	CURLM          *multi;
	const char     *user_agent;                    /* the header             */
	struct exchange x;                             /* of the request on its way */
	int64_t         connect_timeout_ms;            /* as set                    */
	char            url[URL_KEPT_MAX];             /* as set; "": a longer one  */
};

struct curl_transport {
	struct bi18n_allocator alloc;
	pthread_mutex_t        lock;
	struct line           *idle[IDLE_LINES_MAX];
	size_t                 idle_n;
	char                  *ca_file, *user_agent;
};

struct bi18n_cancel *bi18n_cancel_create(void)
{
	struct bi18n_cancel *cancel = malloc(sizeof(*cancel));

	if (cancel == NULL)
		return NULL;
	atomic_init(&cancel->asked, false);
	cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel->fd >= 0)
		return cancel;
	free(cancel);
	return NULL;
}

void bi18n_cancel(struct bi18n_cancel *cancel)
{
	static const uint64_t one = 1;
	int                   before = errno;          /* this may be a signal handler */

	if (cancel == NULL)
		return;
	atomic_store(&cancel->asked, true);
	if (write(cancel->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		errno = before;                        /* it is readable already */
	errno = before;
}

void bi18n_cancel_destroy(struct bi18n_cancel **cancel)
{
	if (cancel == NULL || *cancel == NULL)
		return;
	close((*cancel)->fd);
	free(*cancel);
	*cancel = NULL;
}

bool cancel_asked(const struct bi18n_cancel *cancel)
{
	return cancel != NULL && atomic_load(&cancel->asked);
}

/* Room for what is announced, within reason. */
static void body_expect(struct line *line)
{
	curl_off_t n = 0;

	if (curl_easy_getinfo(line->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n) == CURLE_OK && n > 0)
		text_reserve(&line->x.body, n < BODY_HINT_MAX ? (size_t)n : BODY_HINT_MAX);
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct exchange *x = &((struct line *)context)->x;

	if (x->body.p == NULL)
		body_expect(context);
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
		{ STR("date"), offsetof(struct transport_answer, date) },
	};
	struct exchange *x = &((struct line *)context)->x;
	str              line = { data, size * n };

	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
		line.n--;
	for (size_t i = 0; i < COUNT(wanted); i++) {
		str name = wanted[i].name;

		if (line.n <= name.n || line.p[name.n] != ':' || !str_eq_nocase(str_sub(line, 0, name.n), name))
			continue;
		*(const char **)((char *)x->answer + wanted[i].offset) =
			header_value(x, str_from_at(line, name.n + 1));
		break;
	}
	return size * n;
}

static size_t on_read(char *to, size_t size, size_t n, void *context)
{
	struct exchange *x = &((struct line *)context)->x;
	str              rest = str_sub(x->request->body, x->sent, size * n);

	if (rest.n > 0)
		memcpy(to, rest.p, rest.n);
	x->sent += rest.n;
	return rest.n;
}

static void line_destroy(const struct curl_transport *t, struct line *line)
{
	if (line == NULL)
		return;
	curl_easy_cleanup(line->easy);
	curl_multi_cleanup(line->multi);
	plain_free(&t->alloc, line, sizeof(*line));
}

static struct line *line_create(const struct curl_transport *t)
{
	struct line *line = plain_alloc(&t->alloc, sizeof(*line));
	CURL        *easy;

	if (line == NULL)
		return NULL;
	easy = line->easy = curl_easy_init();
	line->multi = curl_multi_init();
	if (easy == NULL || line->multi == NULL) {
		line_destroy(t, line);
		return NULL;
	}
	line->user_agent = t->user_agent;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, line);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
	/* A name server that hangs does not hold up a call that is over. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	if (t->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
	return line;
}

static struct line *line_take(struct curl_transport *t)
{
	struct line *line = NULL;

	pthread_mutex_lock(&t->lock);
	if (t->idle_n > 0)
		line = t->idle[--t->idle_n];
	pthread_mutex_unlock(&t->lock);
	return line != NULL ? line : line_create(t);
}

static void line_give(struct curl_transport *t, struct line *line)
{
	pthread_mutex_lock(&t->lock);
	if (t->idle_n < IDLE_LINES_MAX) {
		t->idle[t->idle_n++] = line;
		line = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	line_destroy(t, line);
}

static bool bodiless(const struct transport_request *request)
{
	return request->body.p == NULL || request->body.n == 0;
}

/* Without a body, what may not be sent twice goes over a connection of its own. It is not kept either: curl tries
 * each connection that it has kept, one after the other. */
static bool alone(const struct transport_request *request)
{
	return bodiless(request) && !request->repeatable;
}

/* A body through a callback that cannot rewind: where curl would quietly send a request again on a new
 * connection, because the old one closed without a byte, it fails instead. A code that is redeemed twice kills its
 * grant (RFC 6749 4.1.2). */
static void body_set(struct line *line, const struct transport_request *request)
{
	CURL *easy = line->easy;

	if (alone(request)) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	if (bodiless(request) && strcmp(request->method, "POST") != 0)
		return;
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
	if (bodiless(request) || request->repeatable) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bodiless(request) ? "" : request->body.p);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, line);
}

static void method_set(CURL *easy, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* Nothing of the request stays behind, but for its connection. */
static void request_unset(CURL *easy, const struct transport_request *request)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	if (alone(request)) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
	}
	if (strcmp(request->method, "GET") == 0 && bodiless(request))
		return;
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, NULL);
	curl_easy_setopt(easy, CURLOPT_READDATA, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until it is done, cancelled or too late. */
static CURLcode transfer(struct line *line, const struct transport_request *request)
{
	const struct bi18n_cancel *cancel = request->cancel;
	struct curl_waitfd wake = { cancel == NULL ? -1 : cancel->fd, CURL_WAIT_POLLIN, 0 };
	int64_t            until_ms = now_ms() + request->timeout_ms, left_ms;
	CURLcode           code = CURLE_ABORTED_BY_CALLBACK;
	CURLMcode          went = curl_multi_add_handle(line->multi, line->easy);
	CURLMsg           *told;
	int                running = 1, left;

	while (went == CURLM_OK && !cancel_asked(cancel)) {
		went = curl_multi_perform(line->multi, &running);
		if (went != CURLM_OK || running == 0)
			break;
		left_ms = until_ms - now_ms();
		if (left_ms <= 0) {
			code = CURLE_OPERATION_TIMEDOUT;
			break;
		}
		if (request->waiting != NULL)
			request->waiting(request->waiter);
		went = curl_multi_poll(line->multi, &wake, cancel == NULL ? 0 : 1,
		                       (int)(left_ms < POLL_MS_MAX ? left_ms : POLL_MS_MAX), NULL);
	}
	if (went != CURLM_OK)
		code = CURLE_OUT_OF_MEMORY;
	while ((told = curl_multi_info_read(line->multi, &left)) != NULL) {
		if (told->msg == CURLMSG_DONE)
			code = told->data.result;
	}
	curl_multi_remove_handle(line->multi, line->easy);
	return code;
}

static enum transport_result result_of(struct line *line, CURLcode code, char why[BI18N_MESSAGE_MAX])
{
	struct exchange *x = &line->x;
	long             status = 0;

	if (code != CURLE_OK)
		snprintf(why, BI18N_MESSAGE_MAX, "%s", curl_easy_strerror(code));
	if (x->pool->failed || code == CURLE_OUT_OF_MEMORY)
		return TRANSPORT_NOMEM;
	if (x->body.too_big)
		return TRANSPORT_TOO_BIG;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return TRANSPORT_CANCELED;
	if (code != CURLE_OK)
		return TRANSPORT_FAILED;
	curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &status);
	x->answer->status = (int)status;
	x->answer->body = (str){ text_cstr(&x->body), x->body.n };
	return x->answer->body.p != NULL ? TRANSPORT_ANSWERED : TRANSPORT_NOMEM;
}

/* curl copies it; the same one again need not be. */
static bool url_set(struct line *line, const char *url)
{
	size_t n = strlen(url);

	if (line->url[0] != '\0' && strcmp(line->url, url) == 0)
		return true;
	line->url[0] = '\0';
	/* Without TLS it goes to this machine and nowhere else: not to a proxy that the environment names. */
	if (curl_easy_setopt(line->easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(line->easy, CURLOPT_PROXY, strncmp(url, "http:", 5) == 0 ? "" : NULL) != CURLE_OK)
		return false;
	if (n < URL_KEPT_MAX)
		memcpy(line->url, url, n + 1);
	return true;
}

/* The list is ours, on the stack: curl only reads it, and its own would keep tokens in memory that nobody wipes. */
static enum transport_result line_send(struct line *line, const struct transport_request *request,
                                       char why[BI18N_MESSAGE_MAX])
{
	struct curl_slist     headers[TRANSPORT_HEADERS_MAX + 2];
	enum transport_result result;
	size_t                n = 0;

	headers[n++].data = (char *)(uintptr_t)line->user_agent;
	/* Without this curl may wait for a 100 that never comes. */
	if (!bodiless(request))
		headers[n++].data = (char *)(uintptr_t)"Expect:";
	for (size_t i = 0; i < request->headers_n; i++)
		headers[n++].data = (char *)(uintptr_t)request->headers[i];
	for (size_t i = 0; i < n; i++)
		headers[i].next = i + 1 < n ? &headers[i + 1] : NULL;
	if (!url_set(line, request->url))
		return TRANSPORT_NOMEM;
	if (line->connect_timeout_ms != request->connect_timeout_ms)
		curl_easy_setopt(line->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	line->connect_timeout_ms = request->connect_timeout_ms;
	curl_easy_setopt(line->easy, CURLOPT_HTTPHEADER, headers);
	body_set(line, request);
	method_set(line->easy, request->method);
	result = result_of(line, transfer(line, request), why);
	request_unset(line->easy, request);
	return result;
}

static enum transport_result curl_send(void *context, const struct transport_request *request, struct pool *pool,
                                       struct transport_answer *out, char why[BI18N_MESSAGE_MAX])
{
	struct curl_transport *t = context;
	struct line           *line = line_take(t);
	enum transport_result  result;

	*out = (struct transport_answer){ .content_type = "", .etag = "", .retry_after = "", .date = "" };
	if (line == NULL)
		return TRANSPORT_NOMEM;
	line->x = (struct exchange){ .request = request, .answer = out, .pool = pool };
	text_init(&line->x.body, pool, request->answer_bytes_max);
	result = line_send(line, request, why);
	line->x = (struct exchange){ 0 };
	line_give(t, line);
	return result;
}

static void curl_close(void *context)
{
	struct curl_transport *t = context;
	struct bi18n_allocator alloc = t->alloc;

	for (size_t i = 0; i < t->idle_n; i++)
		line_destroy(t, t->idle[i]);
	pthread_mutex_destroy(&t->lock);
	if (t->ca_file != NULL)
		plain_free(&alloc, t->ca_file, strlen(t->ca_file) + 1);
	plain_free(&alloc, t->user_agent, USER_AGENT_ROOM);
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
	t->user_agent = plain_alloc(alloc, USER_AGENT_ROOM);
	if (t->user_agent != NULL)
		snprintf(t->user_agent, USER_AGENT_ROOM, "User-Agent: %s", user_agent);
	t->ca_file = ca_file == NULL ? NULL : plain_cstr(alloc, ca_file);
	if (t->user_agent == NULL || (ca_file != NULL && t->ca_file == NULL)) {
		curl_close(t);
		return false;
	}
	*out = (struct transport){ t, curl_send, curl_close };
	return true;
}
