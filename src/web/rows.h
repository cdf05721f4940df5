/* SPDX-License-Identifier: MIT
 *
 * The tables of pages and forms, for web.c. */
#ifndef WEB_ROWS_H
#define WEB_ROWS_H

#include "web/page.h"

const struct page *page_rows(size_t *n_out);
const struct form *form_rows(size_t *n_out);

#endif
