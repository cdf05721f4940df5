/* SPDX-License-Identifier: MIT
 *
 * connect: the browser's way round, from this machine to the platform and back to a loopback
 * address. */
#include "partner/loopback.h"
#include "partner/partner.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { SECOND_MS = 1000 };

/* What the page says; a callback of a wrong state ends nothing, because any page can send one. */
static const struct page {
	enum bi18n_code code;
	int status;
	const char *title, *text;
} pages[] = {
	{ BI18N_OK, 200, "Connected", "You can close this window and go back to the terminal." },
	{ BI18N_ESTATE, 400, "Not this one",
	  "This connection attempt has expired or began elsewhere. Start again." },
	{ BI18N_EDENIED, 200, "Not connected",
	  "The connection was declined. Nothing was changed." },
	{ BI18N_TRY_LATER, 503, "Not connected",
	  "The service cannot be reached right now. Start again." },
	{ BI18N_EINVAL, 500, "Not connected", "Something went wrong; the terminal says what." },
};

static const struct page *page_of(enum bi18n_code code)
{
	for (size_t i = 0; i < COUNT(pages); i++) {
		if (pages[i].code == code)
			return &pages[i];
	}
	return &pages[COUNT(pages) - 1];
}

static bool browser_open(const char *url)
{
	const char *program = getenv("BROWSER");
	char *words[] = { (char *)(uintptr_t)(program == NULL || program[0] == '\0' ? "xdg-open"
										    : program),
			  (char *)(uintptr_t)url, NULL };
	extern char **environ;
	pid_t child;

	return posix_spawnp(&child, words[0], NULL, NULL, words, environ) == 0;
}

static void announce(const struct partner *p, const struct bi18n_authorization *authorization)
{
	struct print print;

	if (authorization->destructive[0] != '\0')
		fprintf(stderr,
			"bi18n-partner: note: can publish or create, and is unticked on the "
			"consent page: %s\n",
			authorization->destructive);
	if (p->options->no_browser) {
		print_begin(&print);
		json_open_object(&print.out);
		print_member(&print, "authorizeUrl", authorization->url);
		json_close_object(&print.out);
		print_end(&print);
		return;
	}
	fprintf(stderr, "Opening your browser. If none opens, go to\n\n  %s\n\n",
		authorization->url);
	if (!browser_open(authorization->url))
		fprintf(stderr, "(there is no browser to open from here)\n");
}

/* With --organization: what that connection has, and --scope on top. */
static enum bi18n_code start(struct partner *p, struct bi18n_authorization *out,
			     struct bi18n_error *error)
{
	const struct options *o = p->options;
	const struct bi18n_authorize in = { .owner_id = o->owner,
					    .scopes = o->scope,
					    .login_hint = o->login_hint };

	if (o->organization != NULL)
		return bi18n_reauthorize_url(p->client, o->owner, o->organization, o->scope, out,
					     error);
	return bi18n_authorize_url(p->client, &in, out, error);
}

static int finish(struct partner *p, struct loopback *l)
{
	int64_t until_ms = clock_mono_ms() + p->options->wait_s * SECOND_MS;
	struct bi18n_connections *list;
	struct bi18n_error error;
	struct loopback_peer *peer;
	const char *query;
	enum bi18n_code code;

	do {
		const struct page *page;

		peer = loopback_next(l, until_ms, &query);
		if (peer == NULL) {
			fprintf(stderr, "bi18n-partner: nobody came back within %lld s\n",
				(long long)p->options->wait_s);
			return EXIT_REFUSED;
		}
		code = bi18n_callback(p->client, p->options->owner, query, NULL, &list, &error);
		page = page_of(code);
		loopback_answer(peer, page->status, page->title, page->text);
	} while (code == BI18N_ESTATE);
	if (code != BI18N_OK)
		return partner_fail(p, p->options->owner, &error);
	print_connections(p, list, true);
	bi18n_free(list);
	return EXIT_DONE;
}

static int connect_on(struct partner *p, struct loopback *l)
{
	const char *redirect = arena_cstr(
		p->arena, arena_printf(p->arena, "http://127.0.0.1:%d/callback", l->port));
	struct bi18n_authorization authorization;
	struct bi18n_error error;
	int code;

	if (!partner_open(p, redirect, &code))
		return code;
	if (start(p, &authorization, &error) != BI18N_OK)
		return partner_fail(p, p->options->owner, &error);
	announce(p, &authorization);
	return finish(p, l);
}

int connect_command(struct partner *p)
{
	struct loopback *l;
	int code;

	if (p->options->owner == NULL)
		return partner_usage(
			"connect needs --owner ID: who the connection belongs to, in your words");
	if (p->options->scope == NULL && p->options->organization == NULL)
		return partner_usage("connect needs --scope \"org:read translations:read ...\", or "
				     "--organization SLUG "
				     "to reconnect");
	l = arena_new(p->arena, struct loopback);
	if (!loopback_open(l, (int)p->options->port, CALLBACK_PORT_DEFAULT))
		return partner_usage("cannot listen on 127.0.0.1:%lld: %s",
				     (long long)p->options->port, strerror(errno));
	code = connect_on(p, l);
	loopback_close(l);
	return code;
}
