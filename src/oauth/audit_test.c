/* SPDX-License-Identifier: MIT
 *
 * What an administrator may read of the record, on a connection that a whole flow has made. */
#include "access/audit.h"
#include "oauth/scene_test.h"

static enum err_code look(struct scene *s, const struct principal *who, struct audit_search_in in,
                          struct audit_search_out *out)
{
	struct err e = { .code = ERR_NONE };

	in.limit = in.limit == 0 ? 500 : in.limit;
	return scene_read(s, who, audit_organization, &in, out, &e) ? ERR_NONE : e.code;
}

static size_t count_of(const struct audit_search_out *out, str kind)
{
	const struct audit_event *events = out->events.v;
	size_t n = 0;

	for (size_t i = 0; i < out->events.n; i++)
		n += str_eq(events[i].kind, kind);
	return n;
}

SCENE_TEST(rule_221_an_administrator_reads_the_record_of_the_organization)
{
	struct token_out t = scene_connect(s, &s->partner);
	const struct audit_event *events;
	struct audit_search_out out;

	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme") }, &out),
	          ERR_NONE);
	CHECK_I64((int64_t)count_of(&out, S("token.issued")), 1);
	CHECK_I64((int64_t)count_of(&out, S("grant.created")), 1);
	events = out.events.v;
	for (size_t i = 0; i < out.events.n; i++)
		CHECK_STR(events[i].organization, s->acme.public_id);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = s->acme.public_id,
	                                                .grant = t.grant_id }, &out), ERR_NONE);
	CHECK(out.events.n > 0);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme"),
	                                                .app = s->partner.id }, &out), ERR_NONE);
	CHECK(out.events.n > 0);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme"), .limit = 1 },
	               &out), ERR_NONE);
	CHECK(out.events.n == 1 && out.next_cursor.n > 0 && out.newer_cursor.n == 0);
}

static int64_t id_of(const struct audit_search_out *out, size_t i)
{
	return ((const struct audit_event *)out->events.v)[i].id;
}

SCENE_TEST(rule_221_pages_lead_to_the_oldest_event_and_back)
{
	struct audit_search_in in = { .organization = S("acme"), .limit = 2 };
	struct audit_search_out all, page;
	size_t n = 0;

	for (int i = 0; i < 6; i++)
		(void)scene_connect(s, &s->partner);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme") }, &all), ERR_NONE);
	CHECK(all.events.n > 5 && all.next_cursor.n == 0 && all.newer_cursor.n == 0);
	do {
		CHECK_I64(look(s, &s->owner, in, &page), ERR_NONE);
		for (size_t i = 0; i < page.events.n; i++)
			CHECK_I64(id_of(&page, i), id_of(&all, n++));
		in.cursor = page.next_cursor;
	} while (in.cursor.n > 0);
	CHECK_I64((int64_t)n, (int64_t)all.events.n);
	while (page.newer_cursor.n > 0) {
		in.cursor = page.newer_cursor;
		CHECK_I64(look(s, &s->owner, in, &page), ERR_NONE);
		CHECK(page.events.n == 2);
	}
	CHECK_I64(id_of(&page, 0), id_of(&all, 0));
}

SCENE_TEST(rule_221_one_call_looks_through_so_many_events_and_says_where_to_go_on)
{
	struct audit_search_in in = { .organization = S("acme"), .kind = S("grant") };
	struct audit_search_out page;
	size_t found = 0, calls = 0;

	for (int i = 0; i < 6; i++)
		(void)scene_connect(s, &s->partner);
	s->settings.audit_scan_max = 5;
	do {
		CHECK_I64(look(s, &s->owner, in, &page), ERR_NONE);
		CHECK((page.searched_to.n > 0) == (page.next_cursor.n > 0));
		found += page.events.n;
		in.cursor = page.next_cursor;
		CHECK(++calls < 100);
	} while (in.cursor.n > 0);
	CHECK(calls > 5 && found > 0);
}

SCENE_TEST(rule_221_filters_by_kind_and_time)
{
	struct audit_search_in in = { .organization = S("acme"), .kind = S("token") };
	struct audit_search_out out;

	(void)scene_connect(s, &s->partner);
	CHECK_I64(look(s, &s->owner, in, &out), ERR_NONE);
	CHECK_I64((int64_t)count_of(&out, S("token.issued")), (int64_t)out.events.n);
	CHECK(out.events.n == 1);
	in.kind = S("grant.created");
	CHECK_I64(look(s, &s->owner, in, &out), ERR_NONE);
	CHECK(out.events.n == 1 && count_of(&out, S("grant.created")) == 1);
	in.since = S("1h");
	CHECK_I64(look(s, &s->owner, in, &out), ERR_NONE);
	CHECK(out.events.n == 1);
	in.until = S("1h");
	CHECK_I64(look(s, &s->owner, in, &out), ERR_NONE);
	CHECK(out.events.n == 0 && out.next_cursor.n == 0);
	in = (struct audit_search_in){ .organization = S("acme"), .kind = S("token.none") };
	CHECK_I64(look(s, &s->owner, in, &out), ERR_INVALID_REQUEST);
	in.kind = S("%");
	CHECK_I64(look(s, &s->owner, in, &out), ERR_INVALID_REQUEST);
	in = (struct audit_search_in){ .organization = S("acme"), .cursor = S("x1") };
	CHECK_I64(look(s, &s->owner, in, &out), ERR_INVALID_REQUEST);
	in = (struct audit_search_in){ .organization = S("acme"), .limit = 501 };
	CHECK_I64(look(s, &s->owner, in, &out), ERR_INVALID_REQUEST);
}

SCENE_TEST(rule_221_what_is_elsewhere_is_as_what_does_not_exist)
{
	static const str beta[] = { STR("beta"), { NULL, 0 } };
	struct scene_consent c = { .app = &s->partner, .organizations = beta };
	struct token_out there = scene_redeem(s, &s->partner, scene_code(s, &c), false);
	struct audit_search_out out;

	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme"),
	                                                .grant = there.grant_id }, &out), ERR_NONE);
	CHECK_I64((int64_t)out.events.n, 0);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme"),
	                                                .grant = S("grt_none") }, &out), ERR_NONE);
	CHECK(out.events.n == 0 && out.next_cursor.n == 0);
}

SCENE_TEST(rule_221_only_administrators_read_it)
{
	struct audit_search_out out;

	CHECK_I64(look(s, &s->member, (struct audit_search_in){ .organization = S("acme") }, &out),
	          ERR_FORBIDDEN);
	CHECK_I64(look(s, &s->member, (struct audit_search_in){ .organization = S("beta") }, &out),
	          ERR_NOT_FOUND);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("nowhere") }, &out),
	          ERR_NOT_FOUND);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ 0 }, &out), ERR_NONE);
	CHECK_STR(out.organization.slug, S("acme"));
	CHECK_I64(look(s, &s->member, (struct audit_search_in){ 0 }, &out), ERR_NONE);
	CHECK(out.organization.slug.n == 0 && out.events.n == 0);
	CHECK_I64(look(s, &s->owner, (struct audit_search_in){ .organization = S("acme"),
	                                                .since = S("yesterday") }, &out),
	          ERR_INVALID_REQUEST);
}
