/* SPDX-License-Identifier: MIT
 *
 * Connections whose organization the server tells only with an installation token. Their refresh token is stored
 * before that token is minted, in a row under a name of its own, which the first mint replaces with the real one. A
 * process that ends between the two leaves such a row; the next look at this owner's connections completes it. */
#include "client/client_int.h"

/* No organization's id begins so: programs cannot ask for it (grant_find). */
#define PROVISIONAL_MARK '?'

enum {
	ABANDONED_AFTER_MS = 30 * SECOND_MS,    /* younger ones are another thread's or process's business */
	SETTLE_MS = 10 * SECOND_MS,             /* what completing may cost a call that came by */
	QUIET_MS = 30 * SECOND_MS
};

bool organization_is_provisional(const char *organization)
{
	return organization[0] == PROVISIONAL_MARK;
}

bool provisional_name(struct work *w, struct grant *g)
{
	char digest[BI18N_DIGEST_MAX];

	if (!sha256_hex(str_from(g->grant_id), digest))
		return fault_nomem(w);
	g->organization = pool_printf(&w->pool, "%c%s", PROVISIONAL_MARK, digest);
	return g->organization != NULL || fault_nomem(w);
}

/* In the place of its provisional row. next NULL: only removes that. NONE: another process was here first. */
static bool replace(struct work *w, const struct grant *g, struct grant *next)
{
	struct bi18n_store *store = &w->client->store;
	struct bi18n_row    row;
	enum bi18n_stored   stored;

	if (next != NULL && !grant_row(w, next, &row))
		return false;
	stored = store->replace(store->context, g->owner, g->organization, next == NULL ? NULL : &row);
	if (stored != BI18N_STORED && stored != BI18N_STORED_NONE)
		return fault_store(w, stored);
	if (next != NULL) {
		next->digest = row.refresh_digest;
		next->updated_ms = row.updated_at_ms;
	}
	return true;
}

bool provisional_settle(struct work *w, struct grant *g, const char *access)
{
	struct transport_answer answer;
	struct minted           minted;
	struct grant            next;
	struct entry           *entry;
	int64_t                 asked_ms = steady_now(w->client);

	if (!mint_send(w, g, access, &answer))
		return false;
	if (answer.status != 200) {
		fault_answer(w, &answer);
		if (answer.status == 410 || answer.status == 404) {
			fault_put(w, BI18N_RECONNECT_REQUIRED, "grant %s was revoked", g->grant_id);
			(void)replace(w, g, NULL);
		}
		return false;
	}
	if (!mint_read(w, &answer, g, &minted, &next) || !replace(w, g, &next))
		return false;
	entry = table_add(w->client, next.owner, next.organization, next.slug[0] == '\0' ? NULL : next.slug);
	if (entry != NULL)
		mint_keep(w, entry, &next, &minted, asked_ms);
	*g = next;
	return true;
}

/* A row that somebody left: what its refresh brings rests in it before it is used, as ever. */
static bool abandoned_settle(struct work *w, const struct grant *seen)
{
	struct token_answer answer;
	struct grant        g;
	enum bi18n_stored   stored;

	if (!grant_load(w, seen->owner, seen->organization, true, &g) || !token_refresh(w, &g, &answer))
		return false;
	if (answer.error[0] != '\0')
		return replace(w, &g, NULL);
	atomic_fetch_add_explicit(&w->client->counters.refreshes, 1, memory_order_relaxed);
	answer.grants[0].organization = g.organization;
	return grant_swap(w, &g, &answer.grants[0], &stored) && stored == BI18N_STORED &&
	       provisional_settle(w, &answer.grants[0], answer.access);
}

static bool is_abandoned(struct bi18n *client, const struct grant *g)
{
	int64_t age_ms = wall_now(client) - g->updated_ms;

	/* Of the future: a clock has jumped. */
	return organization_is_provisional(g->organization) && (age_ms < 0 || age_ms >= ABANDONED_AFTER_MS);
}

bool provisionals_settle(struct work *w, const struct grant *v, size_t n)
{
	bool settled = false;

	for (size_t i = 0; i < n; i++) {
		struct bi18n      *client = w->client;
		struct bi18n_call  call = { .cancel = w->cancel, .timeout_ms = SETTLE_MS };
		struct work        inner;

		if (!is_abandoned(client, &v[i]) || steady_now(client) < atomic_load(&client->settle_quiet_ms))
			continue;
		work_begin(&inner, client, &call, NULL);
		if (abandoned_settle(&inner, &v[i]))
			settled = true;
		else
			atomic_store(&client->settle_quiet_ms, steady_now(client) + QUIET_MS);
		work_end(&inner);
	}
	return settled;
}
