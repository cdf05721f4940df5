/* SPDX-License-Identifier: MIT */
#include "oauth/choice.h"

#include "base/buf.h"

enum { CHOICE_TEXT_MAX = 256 * 1024 };

str choice_text(struct arena *a, const struct choice *c)
{
	struct buf b;

	buf_init_arena(&b, a, CHOICE_TEXT_MAX);
	buf_i64(&b, c->scopes);
	for (size_t i = 0; i < c->n; i++) {
		const struct choice_organization *o = &c->organizations[i];

		buf_char(&b, ';');
		buf_i64(&b, o->id);
		buf_char(&b, ' ');
		buf_str(&b, project_mode_name(o->projects.mode));
		for (size_t k = 0; o->projects.mode == PROJECTS_SELECTED && k < o->projects.n;
		     k++) {
			buf_char(&b, k == 0 ? ' ' : ',');
			buf_i64(&b, o->projects.ids[k]);
		}
	}
	return buf_view(&b);
}

static size_t count_parts(str text, char separator)
{
	size_t n = 0;
	str part;

	while (str_cut(&text, separator, &part))
		n++;
	return n;
}

static bool projects_parse(struct arena *a, str mode, str ids, struct project_set *out)
{
	int64_t *v;
	str part;

	*out = (struct project_set){ .mode = project_mode_by_name(mode) };
	if (out->mode != PROJECTS_SELECTED)
		return ids.p == NULL;
	v = arena_array(a, int64_t, count_parts(ids, ',') + 1);
	while (str_cut(&ids, ',', &part)) {
		if (!str_i64(part, 1, INT64_MAX, &v[out->n]))
			return false;
		out->n++;
	}
	out->ids = v;
	return out->n > 0;
}

static bool organization_parse(struct arena *a, str text, struct choice_organization *out)
{
	str id, mode;

	return str_cut(&text, ' ', &id) && str_i64(id, 1, INT64_MAX, &out->id) &&
	       str_cut(&text, ' ', &mode) && projects_parse(a, mode, text, &out->projects);
}

bool choice_parse(struct arena *a, str text, struct choice *out)
{
	struct choice c = { 0 };
	str part;

	if (!str_cut(&text, ';', &part) || !str_i64(part, 0, SCOPE_ALL, &c.scopes))
		return false;
	c.organizations = arena_array(a, struct choice_organization, count_parts(text, ';') + 1);
	while (str_cut(&text, ';', &part)) {
		if (!organization_parse(a, part, &c.organizations[c.n]))
			return false;
		c.n++;
	}
	if (c.n == 0)
		return false;
	*out = c;
	return true;
}
