/* SPDX-License-Identifier: MIT
 *
 * The consent page: what it shows, and the decision. The server checks everything again that the
 * page offered. Sources: contract rules 61-69; "own-interfaces" (names of the form fields); rulings
 * R3, R4, R36. */
#ifndef OAUTH_CONSENT_H
#define OAUTH_CONSENT_H

#include "oauth/authorize.h"

/* consent.view {request}; phases open (choose) and approved (go back to the app: `chosen`). */
struct consent_scope { str name; bool destructive, preselected; };
struct consent_project {
	str organization, slug, name;
	bool preselected;
}; /* slug: "org/project", as the form sends it */
struct consent_organization {
	str slug, name,
		connected_access; /* connected_access: all, selected; absent when not connected */
	bool connected, preselected;
	struct strs connected_scopes;
	struct list projects;                        /* struct consent_project */
};
struct consent_chosen { str slug, name; };
struct consent_view_out {
	str request, phase, redirect_host, locale, project_access;
	bool loopback;
	str again; /* open only: the query that asks the same of another account, signed in anew */
	struct authorize_app app;
	struct list scopes, organizations, chosen;
};
extern const struct field consent_view_out_fields[];
bool consent_view(const struct act *act, const void *in, void *out,
                  struct err *e) MUST_CHECK; /* read lane */

/* consent.decide. Something left out that the person can put right: ERR_INVALID_REQUEST with
 * required = organization, project or scope. What the page never offered: ERR_FORBIDDEN.
 * ERR_CONFLICT: decided before. */
struct consent_in {
	str request, decision, project_access;
	struct strs organizations, projects, scopes;
};
struct consent_out { bool complete; str redirect_to; };
extern const struct field consent_in_fields[], consent_out_fields[];
bool consent_decide(const struct act *act, const void *in, void *out,
                    struct err *e) MUST_CHECK; /* write lane */

#endif
