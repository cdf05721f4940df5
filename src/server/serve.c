/* SPDX-License-Identifier: MIT
 *
 * `bi18n serve`: opens the store, joins the channels into one route table, listens, and stops
 * gracefully. */
#include "server/command.h"
#include "server/interface.h"
#include "server/runtime.h"
#include "server/settings.h"
#include "server/version.h"

#include "access/bearer.h"
#include "api/api.h"
#include "base/clock.h"
#include "base/index.h"
#include "base/log.h"
#include "cdn/cdn.h"
#include "http/http.h"
#include "jobs/jobs.h"
#include "oauth/sweep.h"
#include "operation/operation.h"
#include "publish/publisher.h"
#include "rpc/rpc.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUTES_MAX = 256, SWEEP_PAUSE_MS = 5000, SOCKET_PATH_MAX = 107 };

/* The hook of finished requests has no place for a context: there is one server in a process. */
static struct api *counted_api;
static bool log_requests;

struct serving {
	struct cli *cli;
	struct runtime *rt;
	struct api *api;
	struct rpc *rpc;
	struct http_server *http;
	struct http_route routes[ROUTES_MAX];
	size_t routes_n;
	pthread_t sweeper;
	bool sweeper_started;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stopping;
};

static void note_access(const struct http_exchange *x, int status, size_t bytes, int64_t ns)
{
	const struct http_request *q = http_request(x);

	api_count(counted_api, status, ns);
	if (!log_requests)
		return;
	/* The query stays out: authorize requests carry state and codes in theirs. */
	log_event(LOG_INFO, "request",
		  "id=%llx peer=" FMT_STR " method=" FMT_STR " path=" FMT_STR
		  " status=%d bytes=%zu us=%lld",
		  (unsigned long long)q->id, ARG_STR(q->peer), ARG_STR(q->method_text),
		  ARG_STR(q->path), status, bytes, (long long)(ns / 1000));
}

static bool is_loopback(str listen)
{
	return str_starts(listen, S("127.")) || str_starts(listen, S("[::1]")) ||
	       str_starts(listen, S("localhost:"));
}

/* Off loopback the issuer must be a decision: what a Host header says is not one (contract rules
 * 18, 228). */
static bool check_public_url(const struct config *c, struct err *e)
{
	str listen = config_str(c, SETTING_listen), url = config_str(c, SETTING_public_url);

	if (url.n > 0 || is_loopback(listen))
		return true;
	return err_set(e, ERR_INVALID_REQUEST,
		       "listen is " FMT_STR
		       ", which others can reach: set public_url to the address that "
		       "people and apps will use (--public-url https://…)",
		       ARG_STR(listen));
}

static void add_routes(struct serving *s, const struct http_route *more, size_t n)
{
	for (size_t i = 0; i < n && s->routes_n < ROUTES_MAX; i++)
		s->routes[s->routes_n++] = more[i];
}

static void join_routes(struct serving *s)
{
	const struct config *c = s->cli->config;
	const struct http_route *more;
	size_t n;

	s->api = api_create(&(struct api_config){
		.env = s->rt->env,
		.version = S(BI18N_VERSION),
		.control_body_bytes_max =
			(size_t)config_i64(c, SETTING_import_bytes_max) * 2 + MIB });
	s->rpc = rpc_create(&(struct rpc_config){
		.env = s->rt->env,
		.body_bytes_max = (size_t)config_i64(c, SETTING_trpc_body_bytes_max),
		.batch_max = (size_t)config_i64(c, SETTING_trpc_batch_max) });
	more = api_routes(s->api, &n);
	add_routes(s, more, n);
	more = rpc_routes(s->rpc, &n);
	add_routes(s, more, n);
	more = web_routes(&n);
	add_routes(s, more, n);
	counted_api = s->api;
	log_requests = config_bool(c, SETTING_access_log);
}

/* An address without a route: a page for who asks for one, else the shape of the API. */
static void unrouted(struct http_exchange *x, const struct err *e)
{
	const struct http_request *q = http_request(x);

	if (e->code == ERR_NOT_FOUND && !str_starts(q->path, S("/api/")) &&
	    str_find(q->known[HTTP_ACCEPT], S("text/html")) >= 0)
		web_error(x, e);
	else
		api_error(x, e);
}

static bool start_http(struct serving *s, struct err *e)
{
	const struct config *c = s->cli->config;
	struct arena *a = s->cli->arena;
	char *socket_path =
		arena_cstr(a, arena_printf(a, FMT_STR "/control.sock", ARG_STR(s->cli->data_dir)));
	str proxies = config_str(c, SETTING_trusted_proxies);
	struct http_config h = {
		.listen = arena_cstr(a, config_str(c, SETTING_listen)),
		.unix_path = socket_path,
		.loops = (unsigned)config_i64(c, SETTING_http_loops),
		.routes = s->routes,
		.routes_n = s->routes_n,
		.fallback = cdn_handle,
		.fallback_target_bytes_max = CDN_TARGET_BYTES_MAX,
		.fallback_error = cdn_error,
		.error = unrouted,
		.user = s->rt->env,
		.trusted_proxies = proxies.n > 0 ? arena_cstr(a, proxies) : NULL,
		.header_bytes_max = (size_t)config_i64(c, SETTING_http_header_bytes_max),
		.body_bytes_in_flight_max =
			(size_t)config_i64(c, SETTING_http_body_bytes_in_flight_max),
		.connections_max = (unsigned)config_i64(c, SETTING_http_connections_max),
		.connections_per_address_max =
			(unsigned)config_i64(c, SETTING_http_connections_per_address),
		.header_deadline_ms = config_i64(c, SETTING_http_header_deadline_ms),
		.body_deadline_ms = config_i64(c, SETTING_http_body_deadline_ms),
		.idle_ms = config_i64(c, SETTING_http_idle_ms),
		.write_deadline_ms = config_i64(c, SETTING_http_write_deadline_ms),
		.rate_min_bytes_s = (size_t)config_i64(c, SETTING_http_body_rate_min),
		.thread_in = index_thread_in,
		.thread_out = index_thread_out,
		.access = note_access,
	};

	if (strlen(socket_path) > SOCKET_PATH_MAX)
		return err_set(e, ERR_INVALID_REQUEST,
			       "the data directory's path is too long for its control socket (%d "
			       "characters at "
			       "most): " FMT_STR,
			       SOCKET_PATH_MAX - 13, ARG_STR(s->cli->data_dir));
	h.unix_routes = api_control_routes(s->api, &h.unix_routes_n);
	return http_server_create(&h, &s->http, e);
}

/* Upkeep -----------------------------------------------------------------------------------------
 */

static bool pause_or_stop(struct serving *s)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SWEEP_PAUSE_MS / 1000;
	pthread_mutex_lock(&s->mutex);
	if (!s->stopping)
		pthread_cond_timedwait(&s->wake, &s->mutex, &until);
	stopping = s->stopping;
	pthread_mutex_unlock(&s->mutex);
	return !stopping;
}

/* Expired tokens leave memory and store; uses of keys and sessions are noted. */
static void *sweep(void *arg)
{
	static const struct principal nobody = { .kind = WHO_LOCAL };
	struct serving *s = arg;
	struct arena *a = arena_create(16 * KIB);

	pthread_setname_np(pthread_self(), "sweep");
	index_thread_in();
	while (pause_or_stop(s)) {
		struct err e = { 0 };
		struct act act = { .store = s->rt->store,
				   .bearers = s->rt->bearers,
				   .apps = s->rt->apps,
				   .mints = operation_mints(s->rt->env),
				   .arena = a,
				   .who = &nobody,
				   .settings = &s->rt->settings,
				   .now_ms = clock_now_ms(),
				   .request_id = S("sweep"),
				   .address = S(""),
				   .user_agent = S(""),
				   .publisher = s->rt->publisher };

		if (!access_sweep(&act, &e) || !oauth_sweep(&act, &e))
			log_event(LOG_WARN, "sweep", "error=%s detail=%s", err_name(e.code).p,
				  e.msg);
		arena_reset(a);
	}
	index_thread_out();
	arena_destroy(a);
	return NULL;
}

static void stop_sweep(struct serving *s)
{
	if (!s->sweeper_started)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->sweeper, NULL);
}

/* Start and stop ---------------------------------------------------------------------------------
 */

static enum log_level wanted_level(const struct config *c)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };

	for (int i = 0; i < 4; i++) {
		if (str_eq(config_str(c, SETTING_log_level), str_from(words[i])))
			return (enum log_level)i;
	}
	return LOG_INFO;
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* Port 0: the issuer and every document name the port, so it is chosen before they are made. */
static bool settle_port(struct cli *cli, struct err *e)
{
	str listen = config_str(cli->config, SETTING_listen);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);
	bool ok;
	int fd;

	if (!str_ends(listen, S(":0")))
		return true;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	     getsockname(fd, (struct sockaddr *)&address, &n) == 0;
	if (fd >= 0)
		close(fd);
	if (!ok)
		return err_log(e, ERR_UNAVAILABLE, errno, "no free port: %s", strerror(errno));
	listen = arena_printf(cli->arena, FMT_STR "%d", ARG_STR(str_sub(listen, 0, listen.n - 1)),
			      ntohs(address.sin_port));
	return config_set(cli->config, S("listen"), listen, "a free port", e);
}

static void wait_for_end(const sigset_t *set)
{
	int got = 0;

	while (sigwait(set, &got) == 0 && got == SIGHUP)
		log_event(LOG_INFO, "hangup",
			  "message=nothing to reopen: the log goes to standard error");
	log_event(LOG_INFO, "stopping", "signal=%s", got == SIGINT ? "INT" : "TERM");
}

static void close_all(struct serving *s)
{
	if (s->http != NULL) {
		jobs_release(s->rt->jobs);
		http_server_stop(s->http, config_i64(s->cli->config, SETTING_shutdown_grace_ms));
		http_server_destroy(s->http);
	}
	stop_sweep(s);
	s->cli->runtime = NULL;
	runtime_close(s->rt);
	rpc_destroy(s->rpc);
	api_destroy(s->api);
	index_barrier();
}

int run_serve(struct cli *cli, str input)
{
	struct serving *s = calloc(1, sizeof(*s));
	int64_t began_ns = clock_mono_ns();
	struct err e = { 0 };
	sigset_t set;
	int code = EXIT_DONE;

	(void)input;
	if (s == NULL)
		return EXIT_AWAY;
	s->cli = cli;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->wake, NULL);
	log_open(STDERR_FILENO, wanted_level(cli->config));
	block_signals(&set);
	web_init();
	if (settle_port(cli, &e) && check_public_url(cli->config, &e) &&
	    runtime_await(cli, true, true, &s->rt, &e)) {
		cli->runtime = s->rt;
		interface_override(cli);
		join_routes(s);
		cdn_init(s->rt->publisher, &s->rt->settings);
		if (start_http(s, &e)) {
			http_server_run(s->http);
			s->sweeper_started = pthread_create(&s->sweeper, NULL, sweep, s) == 0;
			log_event(LOG_INFO, "listening", "url=" FMT_STR " data=" FMT_STR " ms=%.1f",
				  ARG_STR(s->rt->settings.public_url), ARG_STR(cli->data_dir),
				  (double)(clock_mono_ns() - began_ns) / 1e6);
			wait_for_end(&set);
		}
	}
	if (e.code != ERR_NONE)
		code = command_fail(cli, &e);
	close_all(s);
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->wake);
	free(s);
	return code;
}
