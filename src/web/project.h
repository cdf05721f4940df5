/* SPDX-License-Identifier: MIT
 *
 * The settings of a project, for the rows of pages.c and forms.c. */
#ifndef WEB_PROJECT_H
#define WEB_PROJECT_H

#include "web/page.h"

/* For administrators: the address of the settings, from the project's own page. */
void put_project_settings_link(struct page_job *j, struct json_out *v);
void extend_project_settings(struct page_job *j, struct json_out *v);
void finish_project_settings(struct page_job *j, bool ok, const struct err *e);

#endif
