/* SPDX-License-Identifier: MIT */
#include "cdn/encoding.h"

enum { WEIGHT_MAX = 1000, WEIGHT_UNNAMED = 1 };

/* "0", "0.5", "1.000": at most three decimals. Anything else is no weight, and the member is
 * skipped. */
static int weight_of(str s)
{
	int whole, part = 0, scale = 100;

	if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1'))
		return -1;
	whole = (s.p[0] - '0') * WEIGHT_MAX;
	if (s.n == 1)
		return whole;
	if (s.p[1] != '.')
		return -1;
	for (size_t i = 2; i < s.n; i++, scale /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		part += (s.p[i] - '0') * scale;
	}
	return whole + part > WEIGHT_MAX ? -1 : whole + part;
}

/* "br", "gzip;q=0.5", "gzip ; Q=1". */
static int member_weight(str *member)
{
	str rest = *member, name, parameter;
	int weight = WEIGHT_MAX;

	if (!str_cut(&rest, ';', &name))
		return -1;
	*member = str_trim(name);
	while (str_cut(&rest, ';', &parameter)) {
		parameter = str_trim(parameter);
		if (parameter.n < 2 || (parameter.p[0] | 0x20) != 'q' || parameter.p[1] != '=')
			continue;
		weight = weight_of(str_from_at(parameter, 2));
	}
	return weight;
}

struct encodings encodings_accepted(str accept_encoding)
{
	struct encodings out = { .weight = { -1, -1, -1 } };
	str rest = accept_encoding, member;
	int others = 0;

	while (rest.n > 0 && str_cut(&rest, ',', &member)) {
		int weight = member_weight(&member);

		if (weight < 0)
			continue;
		if (str_eq_nocase(member, S("br")))
			out.weight[HOT_BROTLI] = weight;
		else if (str_eq_nocase(member, S("gzip")) || str_eq_nocase(member, S("x-gzip")))
			out.weight[HOT_GZIP] = weight;
		else if (str_eq_nocase(member, S("identity")))
			out.weight[HOT_IDENTITY] = weight;
		else if (str_eq(member, S("*")))
			others = weight == 0 ? -1 : weight;
	}
	/* Identity is acceptable unless refused by name or by "*;q=0", but less than anything that
	 * was named. */
	if (out.weight[HOT_IDENTITY] < 0)
		out.weight[HOT_IDENTITY] = others < 0 ? 0 : others > 0 ? others : WEIGHT_UNNAMED;
	for (int i = HOT_GZIP; i < HOT_FORMS; i++)
		if (out.weight[i] < 0)
			out.weight[i] = others > 0 ? others : 0;
	return out;
}

bool encoding_is_okhttp(str user_agent)
{
	return str_starts(user_agent, S("okhttp/"));
}

enum hot_form encoding_choose(const struct hot *h, str accept_encoding, str user_agent,
			      bool okhttp_gzip)
{
	enum hot_form best = HOT_IDENTITY;
	struct encodings e;
	int weight;

	if (accept_encoding.n == 0 || (!h->body[HOT_GZIP].p && !h->body[HOT_BROTLI].p))
		return HOT_IDENTITY;
	e = encodings_accepted(accept_encoding);
	if (encoding_is_okhttp(user_agent)) {
		e.weight[HOT_BROTLI] = 0;
		if (!okhttp_gzip)
			return HOT_IDENTITY;
	}
	weight = e.weight[HOT_IDENTITY];
	for (int i = HOT_GZIP; i < HOT_FORMS; i++)
		if (h->body[i].p && e.weight[i] > 0 && e.weight[i] >= weight) {
			best = (enum hot_form)i;
			weight = e.weight[i];
		}
	return best;
}
