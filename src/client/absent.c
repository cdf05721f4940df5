/* SPDX-License-Identifier: MIT
 *
 * What this build has no library for says so when it is asked for. */
#include "client/shared.h"
#include "client/store_sql.h"

#ifndef HAVE_SQLITE
enum bi18n_code sqlite_open(const char *path, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                            char why[BI18N_MESSAGE_MAX])
{
	(void)path, (void)alloc, (void)out;
	snprintf(why, BI18N_MESSAGE_MAX, "this build has no SQLite");
	return BI18N_EUNSUPPORTED;
}
#endif

#ifndef HAVE_POSTGRES
enum bi18n_code postgres_open(const char *url, const struct bi18n_allocator *alloc, struct bi18n_store *out,
                              char why[BI18N_MESSAGE_MAX])
{
	(void)url, (void)alloc, (void)out;
	snprintf(why, BI18N_MESSAGE_MAX, "this build has no PostgreSQL");
	return BI18N_EUNSUPPORTED;
}
#endif

#ifndef HAVE_REDIS
enum bi18n_code redis_open(const char *url, const struct bi18n_allocator *alloc, struct shared *out)
{
	(void)url, (void)alloc, (void)out;
	return BI18N_EUNSUPPORTED;
}
#endif
