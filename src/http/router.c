/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum kind { LITERAL, PARAM, REST };   /* in the order of precedence */

struct segment { enum kind kind; str text; };   /* PARAM: its name */

struct pattern {
	const struct http_route *route;
	unsigned       methods;
	size_t         segments_n;
	struct segment segments[ROUTER_SEGMENTS_MAX];
};

/* Patterns of one first segment lie next to each other in router.patterns. */
struct group { str first; size_t from, n; };

struct router {
	struct pattern *patterns;
	size_t          patterns_n;
	size_t          open_from;     /* patterns whose first segment is not literal: the last ones */
	struct group   *groups;        /* open addressing by str_hash                            */
	size_t          groups_mask;
};

static bool pattern_refuse(struct err *e, const struct http_route *route, const char *what)
{
	return err_log(e, ERR_INTERNAL, 0, "route %s: %s",
	               route->pattern == NULL ? "(null)" : route->pattern, what);
}

static bool param_is_new(const struct pattern *p, str name)
{
	for (size_t i = 0; i < p->segments_n; i++)
		if (p->segments[i].kind == PARAM && str_eq(p->segments[i].text, name))
			return false;
	return true;
}

static size_t params_count(const struct pattern *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->segments_n; i++)
		n += p->segments[i].kind != LITERAL;
	return n;
}

static bool segment_add(struct pattern *p, str text, struct err *e)
{
	struct segment s = { LITERAL, text };

	if (p->segments_n == ROUTER_SEGMENTS_MAX)
		return pattern_refuse(e, p->route, "too many segments");
	if (p->segments_n > 0 && p->segments[p->segments_n - 1].kind == REST)
		return pattern_refuse(e, p->route, "'*' must be last");
	if (text.n > 0 && text.p[0] == ':')
		s = (struct segment){ PARAM, str_from_at(text, 1) };
	else if (str_eq(text, S("*")))
		s.kind = REST;
	if (s.kind == PARAM && (s.text.n == 0 || !param_is_new(p, s.text)))
		return pattern_refuse(e, p->route, "a parameter has no name of its own");
	p->segments[p->segments_n++] = s;
	if (params_count(p) > ROUTER_PARAMS_MAX)
		return pattern_refuse(e, p->route, "too many parameters");
	return true;
}

static bool pattern_parse(const struct http_route *route, struct pattern *p, struct err *e)
{
	str rest = str_from(route->pattern), text;

	*p = (struct pattern){ .route = route, .methods = route->methods };
	if (rest.n == 0 || rest.p[0] != '/')
		return pattern_refuse(e, route, "a pattern must start with '/'");
	if (route->handler == NULL || route->methods == 0)
		return pattern_refuse(e, route, "a route needs a handler and methods");
	if ((p->methods & HTTP_GET) != 0)
		p->methods |= HTTP_HEAD;
	rest = str_from_at(rest, 1);
	while (str_cut(&rest, '/', &text))
		if (!segment_add(p, text, e))
			return false;
	return true;
}

/* Groups equal first literals, then puts what is more specific first. 0: same paths. */
static int pattern_cmp(const struct pattern *a, const struct pattern *b)
{
	size_t n = a->segments_n < b->segments_n ? a->segments_n : b->segments_n;
	bool open_a = a->segments[0].kind != LITERAL, open_b = b->segments[0].kind != LITERAL;

	if (open_a != open_b)
		return open_a ? 1 : -1;
	for (size_t i = 0; i < n; i++) {
		const struct segment *x = &a->segments[i], *y = &b->segments[i];
		int text = x->kind == LITERAL && y->kind == LITERAL ? str_cmp(x->text, y->text) : 0;

		if (x->kind != y->kind)
			return x->kind < y->kind ? -1 : 1;
		if (text != 0)
			return text;
	}
	return (a->segments_n > b->segments_n) - (a->segments_n < b->segments_n);
}

static int pattern_order(const void *a, const void *b)
{
	return pattern_cmp(a, b);
}

static bool patterns_distinct(const struct router *r, struct err *e)
{
	/* Sorted: rows of the same shape are neighbours, but there may be several of them. */
	for (size_t i = 0; i < r->patterns_n; i++) {
		for (size_t j = i + 1; j < r->patterns_n; j++) {
			if (pattern_cmp(&r->patterns[i], &r->patterns[j]) != 0)
				break;
			if ((r->patterns[i].methods & r->patterns[j].methods) != 0)
				return pattern_refuse(e, r->patterns[j].route,
				                      "another route answers the same method and paths");
		}
	}
	return true;
}

static struct group *group_slot(const struct router *r, str first)
{
	size_t i = (size_t)str_hash(first) & r->groups_mask;

	while (r->groups[i].n != 0 && !str_eq(r->groups[i].first, first))
		i = (i + 1) & r->groups_mask;
	return &r->groups[i];
}

static void groups_build(struct router *r)
{
	r->open_from = 0;
	while (r->open_from < r->patterns_n &&
	       r->patterns[r->open_from].segments[0].kind == LITERAL) {
		str first = r->patterns[r->open_from].segments[0].text;
		struct group *g = group_slot(r, first);

		if (g->n == 0)
			*g = (struct group){ first, r->open_from, 0 };
		g->n++;
		r->open_from++;
	}
}

bool router_create(const struct http_route *routes, size_t n, struct router **out, struct err *e)
{
	struct router *r = heap_alloc(sizeof *r);
	size_t slots = 8;

	while (slots < n * 4)
		slots *= 2;
	r->patterns = heap_alloc((n + 1) * sizeof *r->patterns);
	r->groups = heap_alloc(slots * sizeof *r->groups);
	r->groups_mask = slots - 1;
	for (; r->patterns_n < n; r->patterns_n++) {
		if (!pattern_parse(&routes[r->patterns_n], &r->patterns[r->patterns_n], e)) {
			router_destroy(&r);
			return false;
		}
	}
	qsort(r->patterns, n, sizeof *r->patterns, pattern_order);
	if (!patterns_distinct(r, e)) {
		router_destroy(&r);
		return false;
	}
	groups_build(r);
	*out = r;
	return true;
}

void router_destroy(struct router **r)
{
	if (*r == NULL)
		return;
	free((*r)->patterns);
	free((*r)->groups);
	free(*r);
	*r = NULL;
}

static void match_param(struct router_match *m, str name, str value)
{
	m->params[m->params_n++] = (struct http_pair){ name, value };
}

/* The segments of a path, cut once for all patterns. n counts one more than fit at most. */
struct path { str whole; str segments[ROUTER_SEGMENTS_MAX]; size_t n; };

static struct path path_cut(str inner)
{
	struct path p = { .whole = inner };
	str rest = inner, text;

	while (p.n <= ROUTER_SEGMENTS_MAX && str_cut(&rest, '/', &text)) {
		if (p.n < ROUTER_SEGMENTS_MAX)
			p.segments[p.n] = text;
		p.n++;
	}
	return p;
}

static str rest_from(const struct path *path, size_t i)
{
	return str_from_at(path->whole, (size_t)(path->segments[i].p - path->whole.p));
}

/* Does the path have this shape? Parameters do not match an empty segment. */
static bool pattern_fits(const struct pattern *p, const struct path *path, struct router_match *m)
{
	bool open_end = p->segments[p->segments_n - 1].kind == REST;

	if (open_end ? path->n < p->segments_n : path->n != p->segments_n)
		return false;
	m->params_n = 0;
	for (size_t i = 0; i < p->segments_n; i++) {
		const struct segment *s = &p->segments[i];
		str text = path->segments[i];

		if (s->kind == REST)
			match_param(m, S("*"), rest_from(path, i));
		else if (s->kind == LITERAL ? !str_eq(text, s->text) : text.n == 0)
			return false;
		else if (s->kind == PARAM)
			match_param(m, s->text, text);
	}
	return true;
}

static bool group_find(const struct router *r, size_t from, size_t n, enum http_method method,
                       const struct path *path, struct router_match *m)
{
	for (size_t i = from; i < from + n; i++) {
		const struct pattern *p = &r->patterns[i];

		if (!pattern_fits(p, path, m))
			continue;
		m->allow |= p->methods;
		if (m->route == NULL || (p->methods & method) != 0)
			m->route = p->route;
		if ((p->methods & method) != 0)
			return true;
	}
	return false;
}

enum router_found router_find(const struct router *r, enum http_method method, str path,
                              struct router_match *out)
{
	struct path cut = path_cut(str_from_at(path, 1));
	const struct group *g = group_slot(r, cut.segments[0]);

	out->route = NULL;
	out->allow = 0;
	out->params_n = 0;
	if (group_find(r, g->from, g->n, method, &cut, out) ||
	    group_find(r, r->open_from, r->patterns_n - r->open_from, method, &cut, out))
		return ROUTER_OK;
	if (out->route != NULL)
		return ROUTER_NO_METHOD;
	return g->n != 0 ? ROUTER_NO_PATTERN : ROUTER_NOTHING;
}

str router_allow_text(unsigned methods, char out[64])
{
	static const struct { unsigned bit; str name; } names[] = {
		{ HTTP_GET, STR("GET") },   { HTTP_HEAD, STR("HEAD") },
		{ HTTP_POST, STR("POST") }, { HTTP_PUT, STR("PUT") },
		{ HTTP_PATCH, STR("PATCH") }, { HTTP_DELETE, STR("DELETE") },
		{ HTTP_OPTIONS, STR("OPTIONS") },
	};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		if ((methods & names[i].bit) == 0)
			continue;
		if (n > 0) {
			memcpy(out + n, ", ", 2);
			n += 2;
		}
		memcpy(out + n, names[i].name.p, names[i].name.n);
		n += names[i].name.n;
	}
	return (str){ out, n };
}
