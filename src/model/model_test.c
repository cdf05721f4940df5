/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include "base/test.h"

TEST(scope_names_are_found_and_listed_in_table_order)
{
	struct arena *a = arena_create(1024);

	CHECK(scope_by_name(S("keys:write")) == SCOPE_KEYS_WRITE);
	CHECK(scope_by_name(S("keys:WRITE")) == 0);
	CHECK_STR(scope_text(a, SCOPE_GLOSSARY_READ | SCOPE_ORG_READ), S("org:read glossary:read"));
	CHECK_STR(scope_text(a, 0), S(""));
	CHECK_I64((int64_t)scope_list(a, SCOPE_ALL).n, 13);
	arena_destroy(a);
}

TEST(scope_parse_takes_openid_names_apart_and_collapses_repeats)
{
	struct arena *a = arena_create(1024);
	int64_t set = 0;
	str openid;

	CHECK(scope_parse(a, S("openid org:read  email openid org:read"), &set, &openid));
	CHECK_I64(set, SCOPE_ORG_READ);
	CHECK_STR(openid, S("openid email"));
	CHECK(scope_parse(a, S(""), &set, &openid));
	CHECK_I64(set, 0);
	CHECK(openid.p != NULL && openid.n == 0);
	CHECK(scope_parse(a, STR_NONE, &set, NULL));
	arena_destroy(a);
}

TEST(scope_parse_refuses_what_it_does_not_know)
{
	struct arena *a = arena_create(1024);
	int64_t set = 7;
	str openid = S("x");

	CHECK(!scope_parse(a, S("org:read admin"), &set, &openid));
	CHECK(!scope_parse(a, S("org:read\tkeys:read"), &set, &openid));
	CHECK(!scope_parse(a, S("\"org:read\""), &set, &openid));
	CHECK_I64(set, 7);
	CHECK_STR(openid, S("x"));
	arena_destroy(a);
}

TEST(scope_levels_grow_and_four_scopes_are_destructive)
{
	const str levels[] = { S("read"), S("write"), S("publish"), S("admin") };
	int destructive = 0;

	for (size_t i = 1; i < COUNT(levels); i++)
		CHECK((scope_level(levels[i]) & scope_level(levels[i - 1])) == scope_level(levels[i - 1]));
	CHECK(scope_level(S("admin")) == SCOPE_ALL);
	CHECK((scope_level(S("read")) & SCOPE_KEYS_WRITE) == 0);
	CHECK((scope_level(S("write")) & SCOPE_TRANSLATIONS_PUBLISH) == 0);
	CHECK_I64(scope_level(S("root")), 0);
	for (int bit = 0; bit < SCOPE_COUNT; bit++)
		destructive += scope_is_destructive((enum scope_bit)bit);
	CHECK_I64(destructive, 4);
	CHECK(scope_is_destructive(SCOPE_BIT_GLOSSARY_WRITE) && !scope_is_destructive(SCOPE_BIT_KEYS_WRITE));
}

TEST(project_set_selected_without_projects_is_none)
{
	struct arena *a = arena_create(1024);
	struct project_set set = project_set_parse(a, S("selected"), S(""));

	CHECK(set.mode == PROJECTS_NONE);
	CHECK(!project_set_has(&set, 1));
	set = project_set_parse(a, S("everything"), S("1 2"));
	CHECK(set.mode == PROJECTS_NONE);
	set = (struct project_set){ .mode = PROJECTS_SELECTED };
	CHECK(!project_set_has(&set, 1));
	arena_destroy(a);
}

TEST(project_set_text_reads_back)
{
	struct arena *a = arena_create(1024);
	struct project_set set = project_set_parse(a, S("selected"), S("1 5  x 9"));

	CHECK_I64((int64_t)set.n, 3);
	CHECK(project_set_has(&set, 5) && !project_set_has(&set, 6));
	CHECK_STR(project_ids_text(a, &set), S("1 5 9"));
	set = project_set_parse(a, S("all"), S("1 5"));
	CHECK(set.n == 0 && project_set_has(&set, 77));
	CHECK_STR(project_ids_text(a, &set), S(""));
	arena_destroy(a);
}

TEST(project_access_on_the_wire_never_turns_none_into_all)
{
	CHECK_STR(project_access_name(PROJECTS_ALL), S("all"));
	CHECK_STR(project_access_name(PROJECTS_SELECTED), S("selected"));
	CHECK_STR(project_access_name(PROJECTS_NONE), S("selected"));
}

TEST(names_of_roles_kinds_and_policies_read_back)
{
	enum app_kind kind = APP_WEB;
	enum refresh_policy policy = REFRESH_STABLE;

	CHECK(role_by_name(S("admin")) == ROLE_ADMIN && role_by_name(S("root")) == ROLE_NONE);
	CHECK(ROLE_OWNER > ROLE_ADMIN && ROLE_ADMIN > ROLE_MEMBER);
	CHECK(app_kind_by_name(S("spa"), &kind) && kind == APP_SPA);
	CHECK(!app_kind_by_name(S("SPA"), &kind) && kind == APP_SPA);
	CHECK_STR(app_kind_name(APP_NATIVE), S("native"));
	CHECK(refresh_policy_by_name(S("lagging"), &policy) && policy == REFRESH_LAGGING);
	CHECK(!refresh_policy_by_name(S(""), &policy));
}
