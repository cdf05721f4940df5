/* SPDX-License-Identifier: MIT
 *
 * What an administrator may read of the record, on a connection that a whole flow has made. */
#include "access/audit.h"
#include "oauth/scene_test.h"

static enum err_code look(struct scene *s, const struct principal *who, struct audit_in in,
                          struct audit_out *out)
{
	struct err e = { .code = ERR_NONE };

	*out = (struct audit_out){ .next = -1 };
	in.limit = in.limit == 0 ? 1000 : in.limit;
	return scene_read(s, who, audit_organization, &in, out, &e) ? ERR_NONE : e.code;
}

static size_t count_of(const struct audit_out *out, str kind)
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
	struct audit_out out;

	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme") }, &out),
	          ERR_NONE);
	CHECK_I64((int64_t)count_of(&out, S("token.issued")), 1);
	CHECK_I64((int64_t)count_of(&out, S("grant.created")), 1);
	events = out.events.v;
	for (size_t i = 0; i < out.events.n; i++)
		CHECK_STR(events[i].organization, s->acme.public_id);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = s->acme.public_id,
	                                                .grant = t.grant_id }, &out), ERR_NONE);
	CHECK(out.events.n > 0);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme"),
	                                                .app = s->partner.id }, &out), ERR_NONE);
	CHECK(out.events.n > 0);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme"), .limit = 1 },
	               &out), ERR_NONE);
	CHECK(out.events.n == 1 && out.next > 0);
}

SCENE_TEST(rule_221_what_is_elsewhere_is_as_what_does_not_exist)
{
	static const str beta[] = { STR("beta"), { NULL, 0 } };
	struct scene_consent c = { .app = &s->partner, .organizations = beta };
	struct token_out there = scene_redeem(s, &s->partner, scene_code(s, &c), false);
	struct audit_out out;

	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme"),
	                                                .grant = there.grant_id }, &out), ERR_NONE);
	CHECK_I64((int64_t)out.events.n, 0);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme"),
	                                                .grant = S("grt_none") }, &out), ERR_NONE);
	CHECK(out.events.n == 0 && out.next == 0);
}

SCENE_TEST(rule_221_only_administrators_read_it)
{
	struct audit_out out;

	CHECK_I64(look(s, &s->member, (struct audit_in){ .organization = S("acme") }, &out),
	          ERR_FORBIDDEN);
	CHECK_I64(look(s, &s->member, (struct audit_in){ .organization = S("beta") }, &out),
	          ERR_NOT_FOUND);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("nowhere") }, &out),
	          ERR_NOT_FOUND);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ 0 }, &out), ERR_INVALID_REQUEST);
	CHECK_I64(look(s, &s->owner, (struct audit_in){ .organization = S("acme"),
	                                                .since = S("yesterday") }, &out),
	          ERR_INVALID_REQUEST);
}
