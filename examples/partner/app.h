/* SPDX-License-Identifier: MIT
 *
 * A small site whose users connect their Better I18N organizations. All that it knows about the
 * platform goes through <bi18n.h>; all else here is what any web application has: requests,
 * sessions, pages. */
#ifndef EXAMPLE_APP_H
#define EXAMPLE_APP_H

#include <bi18n.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>

/* What this application can do with an organization. translations:publish is one that users must
 * tick. */
#define APP_SCOPES \
	"org:read projects:read translations:read translations:write translations:publish"

/* Cookies of one host are shared by all of its ports: the name must be ours alone. */
#define SESSION_COOKIE "partner_example"

enum { SESSION_TEXT = 33, OWNER_MAX = 33 };

struct app {
	struct bi18n *client; /* one for all threads */
};

/* One request on its way to an answer. */
struct visit {
	struct app *app;
	struct evhttp_request *request;
	struct evkeyvalq fields; /* query of a GET, form of a POST              */
	char owner[OWNER_MAX];	 /* who is signed in; "" : nobody               */
	char csrf[SESSION_TEXT]; /* goes into every form, comes back with it    */
	struct evbuffer *page;
};

/* pages.c: what is shown */
void home_page(struct visit *v);
void projects_page(struct visit *v);
void texts_page(struct visit *v);
void delivered_page(struct visit *v);

/* acts.c: what forms do; they end with a redirect */
void sign_in_act(struct visit *v);
void connect_act(struct visit *v);
void callback_act(struct visit *v);
void reconnect_act(struct visit *v);
void disconnect_act(struct visit *v);
void text_act(struct visit *v);
void publish_act(struct visit *v);

/* html.c */
/* Appends to the page. Every %s is escaped; there is no way round it. */
void html(struct visit *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_begin(struct visit *v, const char *title);
void page_send(struct visit *v, int status);
void redirect(struct visit *v, const char *location);
/* Shows a state or an error of the library, with the way out of it. */
void refusal_page(struct visit *v, const struct bi18n_error *error);
/* Opens a form that posts to `path`; close it with html(v, "</form>"). */
void form_begin(struct visit *v, const char *path);
void hidden(struct visit *v, const char *name, const char *value);
const char *field(const struct visit *v, const char *name); /* "" if it is not there */
/* "path?organization=…&project=…&language=…" from the visit's fields; release with free(). */
char *place(const struct visit *v, const char *path);

/* session.c: who is who. Thread-safe. */
bool session_find(const char *cookie, char owner[OWNER_MAX], char csrf[SESSION_TEXT]);
bool session_start(const char *owner, char cookie[SESSION_TEXT]);
/* In a time that does not tell how much of it is right. */
bool session_secret_is(const char secret[SESSION_TEXT], const char *said);
bool owner_is_sane(const char *owner);

#endif
