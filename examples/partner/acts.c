/* SPDX-License-Identifier: MIT
 *
 * What forms do. Each is one call of the library and a redirect; whatever the call does not do is a
 * page of its own. */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>

enum { COOKIE_MAX = 128 };

void sign_in_act(struct visit *v)
{
	char cookie[SESSION_TEXT], header[COOKIE_MAX];

	if (!owner_is_sane(field(v, "owner")) || !session_start(field(v, "owner"), cookie)) {
		redirect(v, "/");
		return;
	}
	/* Lax: it comes along when the platform sends the browser to /callback, but not with a form
	 * of another site. */
	snprintf(header, sizeof(header), SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax",
		 cookie);
	evhttp_add_header(evhttp_request_get_output_headers(v->request), "Set-Cookie", header);
	redirect(v, "/");
}

void connect_act(struct visit *v)
{
	const struct bi18n_authorize in = { .owner_id = v->owner, .scopes = APP_SCOPES };
	struct bi18n_authorization out;
	struct bi18n_error error;

	if (bi18n_authorize_url(v->app->client, &in, &out, &error) != BI18N_OK)
		refusal_page(v, &error);
	else
		redirect(v, out.url);
}

void callback_act(struct visit *v)
{
	const char *uri = evhttp_request_get_uri(v->request);
	struct bi18n_connections *made;
	struct bi18n_error error;

	if (bi18n_callback(v->app->client, v->owner, uri, NULL, &made, &error) != BI18N_OK) {
		refusal_page(v, &error);
		return;
	}
	bi18n_free(made);
	redirect(v, "/"); /* also takes the code out of the address bar */
}

/* Reconnecting and stepping up are one thing: all that was granted, and all that this application
 * asks for. */
void reconnect_act(struct visit *v)
{
	struct bi18n_authorization out;
	struct bi18n_error error;

	if (bi18n_reauthorize_url(v->app->client, v->owner, field(v, "organization"), APP_SCOPES,
				  &out, &error) != BI18N_OK)
		refusal_page(v, &error);
	else
		redirect(v, out.url);
}

void disconnect_act(struct visit *v)
{
	struct bi18n_error error;

	if (bi18n_disconnect(v->app->client, v->owner, field(v, "organization"), NULL, &error) !=
	    BI18N_OK)
		refusal_page(v, &error);
	else
		redirect(v, "/");
}

static void back_to(struct visit *v, const char *path)
{
	char *location = place(v, path);

	redirect(v, location == NULL ? "/" : location);
	free(location);
}

void text_act(struct visit *v)
{
	struct bi18n_error error;

	if (bi18n_text_set(v->app->client, v->owner, field(v, "organization"), field(v, "project"),
			   field(v, "key_id"), field(v, "language"), field(v, "text"), NULL,
			   &error) != BI18N_OK)
		refusal_page(v, &error);
	else
		back_to(v, "/texts");
}

void publish_act(struct visit *v)
{
	struct bi18n_error error;

	if (bi18n_publish(v->app->client, v->owner, field(v, "organization"), field(v, "project"),
			  true, NULL, NULL, &error) != BI18N_OK)
		refusal_page(v, &error);
	else
		back_to(v, "/delivered");
}
