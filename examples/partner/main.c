/* SPDX-License-Identifier: MIT
 *
 * Settings, threads, and the way from a request to its page. Calls of the library wait for the
 * network, so there are several threads, each with an event loop of its own on one listening
 * socket; the client is one for all of them. */
#include "app.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	THREADS = 8,
	BODY_MAX = 64 * 1024,
	HEADERS_MAX = 16 * 1024,
	TIMEOUT_S = 30,
	PORT_DEFAULT = 8090,
	BACKLOG = 128,
	ADDRESS_MAX = 64,
	STATUS_BAD = 400,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404
};

static const struct route {
	enum evhttp_cmd_type method;
	const char *path;
	void (*answer)(struct visit *v);
	bool anybody; /* also without a session */
} routes[] = {
	{ EVHTTP_REQ_GET, "/", home_page, true },
	{ EVHTTP_REQ_POST, "/sign-in", sign_in_act, true },
	{ EVHTTP_REQ_POST, "/connect", connect_act, false },
	{ EVHTTP_REQ_GET, "/callback", callback_act, false },
	{ EVHTTP_REQ_POST, "/reconnect", reconnect_act, false },
	{ EVHTTP_REQ_POST, "/disconnect", disconnect_act, false },
	{ EVHTTP_REQ_GET, "/projects", projects_page, false },
	{ EVHTTP_REQ_GET, "/texts", texts_page, false },
	{ EVHTTP_REQ_POST, "/text", text_act, false },
	{ EVHTTP_REQ_POST, "/publish", publish_act, false },
	{ EVHTTP_REQ_GET, "/delivered", delivered_page, false },
};

static void session_read(struct visit *v)
{
	const char *header =
		evhttp_find_header(evhttp_request_get_input_headers(v->request), "Cookie");
	const char *at = header == NULL ? NULL : strstr(header, SESSION_COOKIE "=");
	char cookie[SESSION_TEXT];

	if (at == NULL || sscanf(at, SESSION_COOKIE "=%32[0-9a-f]", cookie) != 1)
		return;
	if (!session_find(cookie, v->owner, v->csrf))
		v->owner[0] = '\0';
}

static bool fields_read(struct visit *v)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(v->request));
	struct evbuffer *body = evhttp_request_get_input_buffer(v->request);
	char form[BODY_MAX + 1];
	ssize_t n;

	TAILQ_INIT(&v->fields);
	if (evhttp_request_get_command(v->request) == EVHTTP_REQ_GET)
		return query == NULL || evhttp_parse_query_str(query, &v->fields) == 0;
	n = evbuffer_copyout(body, form, sizeof(form) - 1);
	form[n < 0 ? 0 : n] = '\0';
	return n >= 0 && evhttp_parse_query_str(form, &v->fields) == 0;
}

static void plain_page(struct visit *v, int status, const char *title, const char *text)
{
	page_begin(v, title);
	html(v, "<p>%s</p><p><a href=\"/\">Back</a></p>", text);
	page_send(v, status);
}

static const struct route *route_find(struct evhttp_request *request)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	enum evhttp_cmd_type method = evhttp_request_get_command(request);

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].method == method && path != NULL && strcmp(routes[i].path, path) == 0)
			return &routes[i];
	}
	return NULL;
}

static void answer(struct visit *v)
{
	const struct route *route = route_find(v->request);

	session_read(v);
	if (route == NULL)
		plain_page(v, STATUS_NOT_FOUND, "Not found", "There is no such page.");
	else if (!fields_read(v))
		plain_page(v, STATUS_BAD, "Not understood", "That request was malformed.");
	else if (v->owner[0] == '\0' && !route->anybody)
		redirect(v, "/");
	else if (route->method == EVHTTP_REQ_POST && !route->anybody &&
		 !session_secret_is(v->csrf, field(v, "csrf")))
		plain_page(v, STATUS_FORBIDDEN, "Not allowed", "That form was not from this page.");
	else
		route->answer(v);
}

static void on_request(struct evhttp_request *request, void *app)
{
	struct visit v = { .app = app, .request = request, .page = evbuffer_new() };

	if (v.page == NULL) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	TAILQ_INIT(&v.fields);
	answer(&v);
	evhttp_clear_headers(&v.fields);
	evbuffer_free(v.page);
}

/* Threads
 * ------------------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct event_base *base;
	struct evhttp *http;
};

static bool worker_create(struct worker *w, struct app *app, evutil_socket_t socket)
{
	w->base = event_base_new();
	w->http = w->base == NULL ? NULL : evhttp_new(w->base);
	/* Each its own descriptor, because evhttp_free() closes it. */
	if (w->http == NULL || evhttp_accept_socket(w->http, dup(socket)) != 0)
		return false;
	evhttp_set_allowed_methods(w->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_body_size(w->http, BODY_MAX);
	evhttp_set_max_headers_size(w->http, HEADERS_MAX);
	evhttp_set_timeout(w->http, TIMEOUT_S);
	evhttp_set_gencb(w->http, on_request, app);
	return true;
}

static void *worker_run(void *worker)
{
	event_base_dispatch(((struct worker *)worker)->base);
	return NULL;
}

static void serve(struct app *app, evutil_socket_t socket)
{
	struct worker workers[THREADS] = { 0 };
	sigset_t ends;
	int got, started = 0;

	/* Before the threads, so that the signal comes to sigwait and nowhere else. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	while (started < THREADS && worker_create(&workers[started], app, socket) &&
	       pthread_create(&workers[started].thread, NULL, worker_run, &workers[started]) == 0)
		started++;
	if (started == THREADS)
		sigwait(&ends, &got);
	else
		fprintf(stderr, "cannot start %d threads\n", THREADS);
	for (int i = 0; i < started; i++) {
		event_base_loopbreak(workers[i].base);
		pthread_join(workers[i].thread, NULL);
	}
	for (int i = 0; i < THREADS; i++) {
		if (workers[i].http != NULL)
			evhttp_free(workers[i].http);
		if (workers[i].base != NULL)
			event_base_free(workers[i].base);
	}
}

static evutil_socket_t listen_on(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;
	evutil_socket_t fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Settings
 * ------------------------------------------------------------------------------------------ */

/* 32 bytes in base64url. False: anything else. */
static bool key_read(const char *text, uint8_t out[BI18N_KEY_BYTES])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	size_t n = 0, bits_n = 0;

	for (; text != NULL && *text != '\0' && *text != '='; text++) {
		const char *digit = strchr(alphabet, *text);

		if (digit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		bits_n += 6;
		if (bits_n < 8)
			continue;
		if (n == BI18N_KEY_BYTES)
			return false;
		bits_n -= 8;
		out[n++] = (uint8_t)(bits >> bits_n);
	}
	return n == BI18N_KEY_BYTES;
}

static bool client_open(struct app *app, const char *store, const char *callback)
{
	struct bi18n_key key = { .id = 1 };
	struct bi18n_options options = {
		.client_id = getenv("BI18N_CLIENT_ID"),
		.client_secret = getenv("BI18N_CLIENT_SECRET"),
		.base_url = getenv("BI18N_BASE_URL"),
		.redirect_uri = callback,
		.store = store,
		.keys = &key,
		.keys_n = 1,
		.cdn_fresh_ms =
			1, /* so that a publish is seen at once; leave it alone in a real site */
		.user_agent = "partner-example/1",
	};
	struct bi18n_error error;
	bool ok;

	if (!key_read(getenv("BI18N_STORE_KEY"), key.bytes)) {
		fprintf(stderr, "BI18N_STORE_KEY: 32 random bytes in base64url\n");
		return false;
	}
	ok = bi18n_open(&options, &app->client, &error) == BI18N_OK;
	if (!ok)
		fprintf(stderr, "%s\n", error.message);
	bi18n_wipe(&key, sizeof(key));
	return ok;
}

int main(int argc, char **argv)
{
	const char *store = argc > 1 ? argv[1] : "sqlite:partner.db";
	int port = PORT_DEFAULT;
	char callback[ADDRESS_MAX], rest;
	struct app app = { 0 };
	evutil_socket_t socket;

	if (argc > 3 || (argc == 3 && sscanf(argv[2], "%5d%c", &port, &rest) != 1) || port < 1 ||
	    port > UINT16_MAX) {
		fprintf(stderr, "usage: partner_example [STORE [PORT]]\n");
		return 2;
	}
	snprintf(callback, sizeof(callback), "http://127.0.0.1:%d/callback", port);
	signal(SIGPIPE, SIG_IGN);
	evthread_use_pthreads();
	if (!client_open(&app, store, callback))
		return 1;
	socket = listen_on(port);
	if (socket < 0) {
		fprintf(stderr, "port %d: %s\n", port, strerror(errno));
		bi18n_close(&app.client);
		return 1;
	}
	printf("http://127.0.0.1:%d/ (register %s as the redirect URI)\n", port, callback);
	fflush(stdout);
	serve(&app, socket);
	close(socket);
	bi18n_close(&app.client);
	return 0;
}
