/* SPDX-License-Identifier: MIT */
#include "oauth/choice.h"

#include "base/test.h"

TEST(choice_survives_being_written)
{
	static const int64_t ids[] = { 1, 2, 900 };
	struct choice_organization organizations[] = { { 5, { .mode = PROJECTS_ALL } },
						       { 9, { PROJECTS_SELECTED, ids, 3 } } };
	struct choice c = { 127, organizations, 2 }, back;
	struct arena *a = arena_create(1024);
	str text = choice_text(a, &c);

	CHECK_STR(text, S("127;5 all;9 selected 1,2,900"));
	CHECK(choice_parse(a, text, &back));
	CHECK_I64(back.scopes, 127);
	CHECK_I64((int64_t)back.n, 2);
	CHECK(back.organizations[0].projects.mode == PROJECTS_ALL);
	CHECK(back.organizations[1].projects.mode == PROJECTS_SELECTED &&
	      back.organizations[1].projects.n == 3);
	CHECK_I64(back.organizations[1].projects.ids[2], 900);
	arena_destroy(a);
}

TEST(choice_refuses_what_it_did_not_write)
{
	static const str bad[] = { STR(""),
		                   STR("127"),
		                   STR("127;"),
		                   STR("127;5"),
		                   STR("x;5 all"),
		                   STR("127;5 selected"),
		                   STR("127;5 selected 1,"),
		                   STR("127;5 all 1"),
		                   STR("127;0 all"),
		                   STR("-1;5 all"),
		                   STR("99999999;5 all") };
	struct arena *a = arena_create(1024);
	struct choice c;

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!choice_parse(a, bad[i], &c));
	arena_destroy(a);
}
