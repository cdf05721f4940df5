/* SPDX-License-Identifier: MIT
 *
 * What is shown. Every call of the library either gives what the page needs, or a refusal that is a
 * page itself. */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_OK = 200, TEXTS_MAX = 50 };

static void sign_in_page(struct visit *v)
{
	page_begin(v, "Sign in");
	html(v, "<p>This example asks for a name only; your application has accounts.</p>"
		"<form method=\"post\" action=\"/sign-in\"><label>Name <input name=owner required "
		"maxlength=32 "
		"pattern=\"[a-z0-9\\-]+\" placeholder=\"ada\"></label> <button>Sign "
		"in</button></form>");
	page_send(v, STATUS_OK);
}

static void act_button(struct visit *v, const struct bi18n_connection *c, const char *path,
		       const char *words, const char *class)
{
	form_begin(v, path);
	hidden(v, "organization", c->organization_id);
	html(v, "<button class=\"%s\" aria-label=\"%s %s\">%s</button></form> ", class, words,
	     c->organization_slug, words);
}

/* A state is something to show, and to offer the next step for. */
static void connection_card(struct visit *v, const struct bi18n_connection *c)
{
	bool connected = c->state != BI18N_RECONNECT_REQUIRED;

	html(v, "<section class=card><h2>%s <span class=\"state %s\">%s</span></h2>",
	     c->organization_slug, c->state == BI18N_CONNECTED ? "good" : "act",
	     c->state == BI18N_CONNECTED	    ? "Connected"
	     : c->state == BI18N_RECONNECT_REQUIRED ? "Reconnect"
	     : c->state == BI18N_SCOPE_REQUIRED	    ? "Needs permission"
						    : "One moment");
	html(v, "<p class=scopes>May use <code>%s</code> in %s.</p><div>", c->scopes,
	     c->all_projects ? "all projects" : "the chosen projects");
	if (connected)
		html(v, "<a class=button href=\"/projects?organization=%s\">Open %s</a> ",
		     c->organization_id, c->organization_slug);
	if (!connected)
		act_button(v, c, "/reconnect", "Reconnect", "");
	if (c->state == BI18N_SCOPE_REQUIRED)
		act_button(v, c, "/reconnect", "Give permission", "");
	if (connected)
		act_button(v, c, "/disconnect", "Disconnect", "quiet");
	html(v, "</div></section>");
}

void home_page(struct visit *v)
{
	struct bi18n_connections *list;
	struct bi18n_error error;

	if (v->owner[0] == '\0') {
		sign_in_page(v);
		return;
	}
	if (bi18n_connections(v->app->client, v->owner, &list, &error) != BI18N_OK) {
		refusal_page(v, &error);
		return;
	}
	page_begin(v, "Your connections");
	for (size_t i = 0; i < list->n; i++)
		connection_card(v, &list->v[i]);
	if (list->n == 0)
		html(v, "<p>Connect the organization whose texts you want to edit here.</p>");
	form_begin(v, "/connect");
	html(v, "<button>%s</button></form>",
	     list->n == 0 ? "Connect Better I18N" : "Add an organization");
	bi18n_free(list);
	page_send(v, STATUS_OK);
}

void projects_page(struct visit *v)
{
	struct bi18n_projects *projects;
	struct bi18n_error error;

	if (bi18n_projects(v->app->client, v->owner, field(v, "organization"), NULL, &projects,
			   &error) != BI18N_OK) {
		refusal_page(v, &error);
		return;
	}
	page_begin(v, "Projects");
	html(v, "<table><thead><tr><th>Project<th>Languages</thead>");
	for (size_t i = 0; i < projects->n; i++) {
		const struct bi18n_project *p = &projects->v[i];

		html(v, "<tr><td>%s<td>", p->name);
		for (size_t k = 0; k < p->target_languages_n; k++)
			html(v,
			     "<a "
			     "href=\"/texts?organization=%s&amp;project=%s&amp;language=%s\">%s</"
			     "a> ",
			     field(v, "organization"), p->slug, p->target_languages[k],
			     p->target_languages[k]);
	}
	html(v, "</table>");
	bi18n_free(projects);
	page_send(v, STATUS_OK);
}

static void place_fields(struct visit *v)
{
	hidden(v, "organization", field(v, "organization"));
	hidden(v, "project", field(v, "project"));
	hidden(v, "language", field(v, "language"));
}

static void text_row(struct visit *v, const struct bi18n_text *t)
{
	html(v, "<tr><td><code>%s</code><td>%s<td>", t->key, t->source);
	form_begin(v, "/text");
	place_fields(v);
	hidden(v, "key_id", t->key_id);
	html(v,
	     "<input name=text aria-label=\"%s in %s\" value=\"%s\" dir=auto> <button "
	     "class=quiet>Save</button></form>",
	     t->key, field(v, "language"), t->text);
	html(v, "<td>%s", t->status);
}

void texts_page(struct visit *v)
{
	const char *search = field(v, "search");
	struct bi18n_texts *texts;
	struct bi18n_error error;
	char *delivered;

	if (bi18n_texts(v->app->client, v->owner, field(v, "organization"), field(v, "project"),
			field(v, "language"), search[0] == '\0' ? NULL : search, TEXTS_MAX, NULL,
			&texts, &error) != BI18N_OK) {
		refusal_page(v, &error);
		return;
	}
	page_begin(v, "Texts");
	html(v,
	     "<p>%s, %s</p><form><input type=\"hidden\" name=\"organization\" value=\"%s\"><input "
	     "type=\"hidden\" name=\"project\" "
	     "value=\"%s\"><input type=\"hidden\" name=\"language\" value=\"%s\"><input "
	     "name=search aria-label=Search value=\"%s\"> "
	     "<button class=quiet>Search</button></form>",
	     field(v, "project"), field(v, "language"), field(v, "organization"),
	     field(v, "project"), field(v, "language"), search);
	html(v, "<table><thead><tr><th>Key<th>Source<th>Text<th>Status</thead>");
	for (size_t i = 0; i < texts->n; i++)
		text_row(v, &texts->v[i]);
	html(v, "</table><p>%s</p>", texts->more ? "There are more: search to find them." : "");
	bi18n_free(texts);
	form_begin(v, "/publish");
	place_fields(v);
	delivered = place(v, "/delivered");
	html(v, "<button>Publish</button></form> <a href=\"%s\">See it from the CDN</a>",
	     delivered == NULL ? "/" : delivered);
	free(delivered);
	page_send(v, STATUS_OK);
}

/* Published texts are public: no token is used, and the answer comes from memory while it is fresh.
 */
void delivered_page(struct visit *v)
{
	struct bi18n_answer *answer;
	struct bi18n_error error;
	char *back = place(v, "/texts");

	if (bi18n_cdn_get(v->app->client, field(v, "project"), field(v, "language"), NULL, NULL,
			  &answer, &error) != BI18N_OK) {
		refusal_page(v, &error);
	} else {
		page_begin(v, "From the CDN");
		html(v,
		     "<p><code>/%s/%s.json</code>, ETag <code>%s</code>%s</p><pre>%s</pre><p><a "
		     "href=\"%s\">Back</a></p>",
		     field(v, "project"), field(v, "language"), answer->etag,
		     answer->stale ? ", kept from before" : "", answer->body,
		     back == NULL ? "/" : back);
		bi18n_free(answer);
		page_send(v, STATUS_OK);
	}
	free(back);
}
