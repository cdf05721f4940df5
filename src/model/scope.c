/* SPDX-License-Identifier: MIT */
#include "model/scope.h"

static const struct scope_row { str name; bool preselected; } rows[SCOPE_COUNT] = {
#define X(id, name, preselected) { STR(name), preselected },
	SCOPE_TABLE(X)
#undef X
};

/* OpenID scopes that clients may name beside the platform's; they give no access to the platform. */
static const str openid_scopes[] = { STR("openid"), STR("profile"), STR("email"), STR("offline_access") };

#define READ_SCOPES (SCOPE_OF(SCOPE_BIT_ORG_READ) | SCOPE_OF(SCOPE_BIT_PROJECTS_READ) | \
	SCOPE_OF(SCOPE_BIT_KEYS_READ) | SCOPE_OF(SCOPE_BIT_TRANSLATIONS_READ) | \
	SCOPE_OF(SCOPE_BIT_CONTENT_READ) | SCOPE_OF(SCOPE_BIT_GLOSSARY_READ))
#define WRITE_SCOPES (READ_SCOPES | SCOPE_OF(SCOPE_BIT_KEYS_WRITE) | SCOPE_OF(SCOPE_BIT_TRANSLATIONS_WRITE) | \
	SCOPE_OF(SCOPE_BIT_CONTENT_WRITE) | SCOPE_OF(SCOPE_BIT_PROJECTS_WRITE))
#define PUBLISH_SCOPES (WRITE_SCOPES | SCOPE_OF(SCOPE_BIT_TRANSLATIONS_PUBLISH) | \
	SCOPE_OF(SCOPE_BIT_CONTENT_PUBLISH))

static const struct { str name; int64_t scopes; } levels[] = {
	{ STR("read"),    READ_SCOPES },
	{ STR("write"),   WRITE_SCOPES },
	{ STR("publish"), PUBLISH_SCOPES },
	{ STR("admin"),   SCOPE_ALL },
};

str scope_name(enum scope_bit bit)
{
	return (unsigned)bit < SCOPE_COUNT ? rows[bit].name : STR_NONE;
}

bool scope_is_destructive(enum scope_bit bit)
{
	return (unsigned)bit < SCOPE_COUNT && !rows[bit].preselected;
}

int64_t scope_by_name(str name)
{
	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if (str_eq(rows[bit].name, name))
			return SCOPE_OF(bit);
	}
	return SCOPE_NONE;
}

/* Index into openid_scopes, or -1. */
static int openid_by_name(str name)
{
	for (int i = 0; i < (int)COUNT(openid_scopes); i++) {
		if (str_eq(openid_scopes[i], name))
			return i;
	}
	return -1;
}

bool scope_parse(struct arena *a, str text, int64_t *set_out, str *openid_out)
{
	str found[COUNT(openid_scopes)], rest = text, word;
	size_t found_n = 0;
	unsigned seen = 0;
	int64_t set = 0;

	/* Names are matched exactly, so a character outside RFC 6749 3.3 cannot pass. */
	while (str_cut(&rest, ' ', &word)) {
		int64_t bit = scope_by_name(word);
		int openid = openid_by_name(word);

		if (word.n > 0 && bit == 0 && openid < 0)
			return false;
		set |= bit;
		if (openid < 0 || (seen & 1u << openid) != 0)
			continue;
		seen |= 1u << openid;
		found[found_n++] = openid_scopes[openid];
	}
	*set_out = set;
	if (openid_out != NULL)
		*openid_out = found_n == 0 ? S("") : arena_join(a, found, found_n, S(" "));
	return true;
}

struct strs scope_list(struct arena *a, int64_t set)
{
	str *v = arena_array(a, str, SCOPE_COUNT);
	size_t n = 0;

	for (int bit = 0; bit < SCOPE_COUNT; bit++) {
		if ((set & SCOPE_OF(bit)) != 0)
			v[n++] = rows[bit].name;
	}
	return (struct strs){ v, n, true };
}

str scope_text(struct arena *a, int64_t set)
{
	struct strs list = scope_list(a, set);

	return list.n == 0 ? S("") : arena_join(a, list.v, list.n, S(" "));
}

int64_t scope_level(str level)
{
	for (size_t i = 0; i < COUNT(levels); i++) {
		if (str_eq(levels[i].name, level))
			return levels[i].scopes;
	}
	return SCOPE_NONE;
}
