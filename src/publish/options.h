/* SPDX-License-Identifier: MIT
 *
 * How one project is published and delivered: with drafts (ruling R11), with the source text where a language
 * has none (R28), where the default namespace lies (contract "cdn-and-cli" 6.2), what a file that does not
 * exist is answered with (R10). */
#ifndef PUBLISH_OPTIONS_H
#define PUBLISH_OPTIONS_H

#include "access/act.h"
#include "base/field.h"

/* project.settings {project "org/slug" | orgSlug, projectSlug} -> the options. Administrators. Read lane. */
struct project_settings_in { str project, organization_slug, slug; };
struct project_options { str project, name, default_namespace, missing; bool drafts, fill; };
extern const struct field project_settings_in_fields[], project_options_fields[];
bool project_settings(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

/* project.set {…, drafts?, fill?, defaultNamespace?, missing?} -> the options; what is absent stays. Missing files
 * are answered so from now on; the others take effect with the next publish. Slow lane. */
struct project_set_in { struct project_settings_in of; str drafts, fill, default_namespace, missing; };
extern const struct field project_set_in_fields[];
bool project_set(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
