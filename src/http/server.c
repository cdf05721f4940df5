/* SPDX-License-Identifier: MIT
 *
 * A server: its loops, what they share, start and stop. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "http/listen.h"

/* Used where the configuration says 0. */
enum {
	HEADER_BYTES_DEFAULT       = 32 * 1024,
	BODY_IN_FLIGHT_DEFAULT     = 256 * 1024 * 1024,
	HEADER_DEADLINE_MS_DEFAULT = 10 * 1000,
	BODY_DEADLINE_MS_DEFAULT   = 60 * 1000,
	IDLE_MS_DEFAULT            = 60 * 1000,
	WRITE_DEADLINE_MS_DEFAULT  = 60 * 1000,
	RATE_MIN_BYTES_S_DEFAULT   = 1024,
	LOOPS_MAX                  = 256,
};

static void default_size(size_t *value, size_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void default_ms(int64_t *value, int64_t otherwise)
{
	if (*value <= 0)
		*value = otherwise;
}

static void fill_defaults(struct http_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->loops == 0)
		c->loops = cores > 0 ? (unsigned)cores : 1;
	if (c->loops > LOOPS_MAX)
		c->loops = LOOPS_MAX;
	default_size(&c->fallback_target_bytes_max, TARGET_BYTES_DEFAULT);
	default_size(&c->header_bytes_max, HEADER_BYTES_DEFAULT);
	default_size(&c->body_bytes_in_flight_max, BODY_IN_FLIGHT_DEFAULT);
	default_size(&c->rate_min_bytes_s, RATE_MIN_BYTES_S_DEFAULT);
	default_ms(&c->header_deadline_ms, HEADER_DEADLINE_MS_DEFAULT);
	default_ms(&c->body_deadline_ms, BODY_DEADLINE_MS_DEFAULT);
	default_ms(&c->idle_ms, IDLE_MS_DEFAULT);
	default_ms(&c->write_deadline_ms, WRITE_DEADLINE_MS_DEFAULT);
}

static size_t longest_target(const struct http_route *routes, size_t n, size_t most)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].target_bytes_max > most)
			most = routes[i].target_bytes_max;
	return most;
}

static void set_parse_limits(struct http_server *s)
{
	const struct http_config *c = &s->config;
	size_t most = c->fallback_target_bytes_max;

	if (most < TARGET_BYTES_DEFAULT)
		most = TARGET_BYTES_DEFAULT;
	most = longest_target(c->routes, c->routes_n, most);
	most = longest_target(c->unix_routes, c->unix_routes_n, most);
	s->parse_limits = (struct parse_limits){ most, c->header_bytes_max };
}

static bool create_loops(struct http_server *s, struct err *e)
{
	s->loops = heap_alloc(s->config.loops * sizeof *s->loops);
	for (; s->loops_n < s->config.loops; s->loops_n++)
		if (!loop_init(&s->loops[s->loops_n], s, s->loops_n, e))
			return false;
	return true;
}

static bool server_setup(struct http_server *s, struct err *e)
{
	const struct http_config *c = &s->config;

	return networks_parse(c->trusted_proxies, &s->trusted, e) &&
	       router_create(c->routes, c->routes_n, &s->router, e) &&
	       (c->unix_routes_n == 0 ||
	        router_create(c->unix_routes, c->unix_routes_n, &s->unix_router, e)) &&
	       create_loops(s, e) &&
	       (c->listen == NULL || listen_tcp(s, e)) &&
	       (c->unix_path == NULL || listen_unix(s, e));
}

bool http_server_create(const struct http_config *config, struct http_server **out, struct err *e)
{
	struct http_server *s = heap_alloc(sizeof *s);

	s->config = *config;
	fill_defaults(&s->config);
	set_parse_limits(s);
	s->limits = limits_create(s->config.connections_max, s->config.connections_per_address_max,
	                          s->config.body_bytes_in_flight_max);
	if (getrandom(&s->id_mask, sizeof s->id_mask, 0) != (ssize_t)sizeof s->id_mask)
		s->id_mask = (uint64_t)getpid() << 32;   /* ids need to differ, not to be secret */
	if (!server_setup(s, e)) {
		http_server_destroy(s);
		return false;
	}
	*out = s;
	return true;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

void http_server_run(struct http_server *s)
{
	for (unsigned i = 0; i < s->loops_n; i++) {
		struct loop *l = &s->loops[i];
		int rc = pthread_create(&l->thread, NULL, thread_main, l);

		assert(rc == 0);   /* at start: there is nothing to serve without it */
		l->has_thread = true;
	}
}

void http_server_stop(struct http_server *s, int64_t grace_ms)
{
	if (s->stopped)
		return;
	s->stopped = true;
	s->grace_ms = grace_ms;
	for (unsigned i = 0; i < s->loops_n; i++)
		if (s->loops[i].has_thread)
			loop_post(&s->loops[i], &s->loops[i].stop_task);
	for (unsigned i = 0; i < s->loops_n; i++)
		if (s->loops[i].has_thread)
			pthread_join(s->loops[i].thread, NULL);
	if (s->unix_path != NULL)
		(void)unlink(s->unix_path);
}

/* Threads that may still answer must have ended: what they posted is run here. */
void http_server_destroy(struct http_server *s)
{
	if (s == NULL)
		return;
	http_server_stop(s, 0);
	for (unsigned i = 0; i < s->loops_n; i++)
		loop_fini(&s->loops[i]);
	router_destroy(&s->router);
	router_destroy(&s->unix_router);
	limits_destroy(s->limits);
	free(s->loops);
	free(s->unix_path);
	free(s);
}
