/* SPDX-License-Identifier: MIT */
#include "catalog/fixture_test.h"

#include "base/clock.h"
#include "catalog/export.h"
#include "catalog/import.h"
#include "catalog/key_create.h"
#include "catalog/key_list.h"
#include "catalog/project.h"
#include "store/account.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 1 << 28 };

static bool add_organization(struct db *db, struct arena *a, void *arg, struct err *e)
{
	struct organization o = { .public_id = S("org_acme0000000000000000"), .slug = S("acme"),
	                          .name = S("Acme"),
	                          .created_ms = 1 };

	return store_organization_insert(db, a, &o, arg, e);
}

static void (*shop_fn)(struct shop *s);

static void shop_run(struct fixture *f)
{
	struct shop s = { .f = f, .who = { .kind = WHO_LOCAL } };
	struct err e = { 0 };

	CHECK(fixture_write(f, add_organization, &s.organization_id, &e));
	s.settings = (struct settings){ .public_url = S("http://127.0.0.1:1"),
	                                .cdn_base_url = S("https://cdn.example") };
	s.act = (struct act){
		.store = f->store, .arena = f->arena, .who = &s.who, .settings = &s.settings,
		.now_ms = clock_now_ms(), .request_id = S("r1"), .address = S("192.0.2.1"),
		.user_agent = S("test"),
	};
	shop_fn(&s);
}

void shop_each(void (*fn)(struct shop *s))
{
	shop_fn = fn;
	fixture_each(shop_run);
}

void shop_embedded(void (*fn)(struct shop *s))
{
	shop_fn = fn;
	fixture_embedded(shop_run);
}

void shop_as_token(struct shop *s)
{
	s->who = (struct principal){
		.kind = WHO_INSTALL, .organization_id = s->organization_id, .scopes = SCOPE_ALL,
		.account_id = 7, .app_id = 3,
		.organization_slug = S("acme"), .organization_name = S("Acme"),
		.projects = { .mode = PROJECTS_ALL },
	};
}

void shop_as_local(struct shop *s)
{
	s->who = (struct principal){ .kind = WHO_LOCAL };
}

/* Calls ---------------------------------------------------------------------------------------- */

struct inside { const struct shop_call *c; const void *in; void *out; };

static bool inside(const struct act *tx, void *arg, struct err *e)
{
	struct inside *i = arg;

	return i->c->call(tx, i->in, i->out, e);
}

static bool on_lane(struct shop *s, struct inside *i, struct err *e)
{
	switch (i->c->lane) {
	case SHOP_READ:
		return act_read(&s->act, inside, i, e);
	case SHOP_WRITE:
		return act_write(&s->act, inside, i, e);
	case SHOP_SLOW:
		break;
	}
	return i->c->call(&s->act, i->in, i->out, e);
}

const struct json *shop_json(struct shop *s, str text)
{
	struct json_fault fault;
	struct json *v;

	if (!json_parse(s->f->arena, text, JSON_DEPTH_DEFAULT, &v, &fault)) {
		fprintf(stderr, "not JSON (%s at %zu): " FMT_STR "\n", fault.what, fault.offset,
		        ARG_STR(text));
		CHECK(false);
	}
	return v;
}

static str shop_dialect(struct shop *s, const struct shop_call *c, str input, int dialect)
{
	struct arena *a = s->f->arena;
	struct inside i = { c, NULL, arena_alloc(a, c->out_size) };
	void *in = arena_alloc(a, c->in_size);
	struct err e = { 0 };
	struct json_out o;
	struct buf b;

	if (!fields_read(a, c->in, shop_json(s, input), in, &e))
		return arena_printf(a, "ERROR " FMT_STR ": %s", ARG_STR(err_name(e.code)), e.say);
	i.in = in;
	if (!on_lane(s, &i, &e)) {
		if (!e.say[0])
			fprintf(stderr, "%s\n", e.msg);
		return arena_printf(a, "ERROR " FMT_STR ": %s", ARG_STR(err_name(e.code)), e.say);
	}
	buf_init_arena(&b, a, ANSWER_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, c->out, i.out, dialect);
	shop_json(s, buf_view(&b));
	return buf_view(&b);
}

str shop_do(struct shop *s, const struct shop_call *c, str input)
{
	return shop_dialect(s, c, input, FIELDS_BATCHED);
}

str shop_do_unbatched(struct shop *s, const struct shop_call *c, str input)
{
	return shop_dialect(s, c, input, FIELDS_UNBATCHED);
}

/* Shorthands ----------------------------------------------------------------------------------- */

void shop_project(struct shop *s, const char *more)
{
	struct shop_call c = SHOP_CALL(project_add, SHOP_WRITE, project_add_in,
	                               project_add_in_fields, project_view, project_fields);
	str r = shop_do(s, &c, arena_printf(s->f->arena, "{\"project\":\"acme/web\","
	                                                 "\"source\":\"en\",\"languages\":[\"tr\","
	                                    "\"de\"]%s%s}", *more ? "," : "", more));

	if (str_starts(r, S("ERROR")))
		CHECK_STR(r, S(""));
}

str shop_create(struct shop *s, const char *keys)
{
	struct shop_call c = SHOP_CALL(key_create, SHOP_WRITE, key_create_in, key_create_in_fields,
	                               key_create_out, key_create_out_fields);

	return shop_do(s, &c, arena_printf(s->f->arena, "{\"orgSlug\":\"acme\","
	                                                "\"projectSlug\":\"web\",\"k\":%s}", keys));
}

str shop_import(struct shop *s, const char *language, str content, const char *more)
{
	struct shop_call c = SHOP_CALL(import_texts, SHOP_SLOW, import_in, import_in_fields,
	                               import_out, import_out_fields);
	struct buf b;

	buf_init_arena(&b, s->f->arena, ANSWER_BYTES_MAX);
	buf_printf(&b, "{\"project\":\"acme/web\",\"language\":\"%s\"%s%s,\"content\":", language,
	           *more ? "," : "", more);
	json_escape(&b, content, false);
	buf_char(&b, '}');
	return shop_do(s, &c, buf_view(&b));
}

str shop_export(struct shop *s, const char *language, const char *more)
{
	struct shop_call c = SHOP_CALL(export_texts, SHOP_READ, export_in, export_in_fields,
	                               export_out, export_out_fields);
	str r = shop_do(s, &c, arena_printf(s->f->arena, "{\"project\":\"acme/web\","
	                                                 "\"language\":\"%s\"%s%s}", language,
	                                    *more ? "," : "", more));

	return str_starts(r, S("ERROR")) ? r : json_str(json_get(shop_json(s, r), S("content")));
}

str shop_key_id(struct shop *s, const char *name)
{
	struct shop_call c = SHOP_CALL(key_list, SHOP_READ, key_list_in, key_list_in_fields,
	                               key_list_out, key_list_out_fields);
	str r = shop_do(s, &c, S("{\"orgSlug\":\"acme\",\"projectSlug\":\"web\",\"limit\":250}"));
	const struct json *list = json_get(shop_json(s, r), S("k"));

	for (const struct json *k = list->first; k; k = k->next)
		if (str_eq(json_str(json_get(k, S("k"))), str_from(name)))
			return json_str(json_get(k, S("id")));
	return STR_NONE;
}

bool shop_has(str answer, const char *part)
{
	if (str_find(answer, str_from(part)) >= 0)
		return true;
	fprintf(stderr, "%s is not in " FMT_STR "\n", part, ARG_STR(answer));
	return false;
}

int64_t shop_number(struct shop *s, str answer, const char *member)
{
	int64_t n = -1;

	CHECK(json_i64(json_get(shop_json(s, answer), str_from(member)), &n));
	return n;
}
