/* SPDX-License-Identifier: MIT
 *
 * A store in a temporary directory with memory on top, for the tests of this folder. */
#ifndef ACCESS_FIXTURE_TEST_H
#define ACCESS_FIXTURE_TEST_H

#include "access/apps.h"
#include "access/bearer_int.h"
#include "base/test.h"
#include "crypto/token.h"
#include "store/db.h"

struct fixture {
	char             dir[64];
	struct settings  settings;
	struct principal who;
	struct act       act;        /* slow lane: no connection */
	struct arena    *arena;
};

void fixture_open(struct fixture *f);
void fixture_restart(struct fixture *f);      /* memory from the store again */
void fixture_close(struct fixture *f);
/* Calls an operation on its lane. */
typedef bool (*operation_like)(const struct act *act, const void *in, void *out, struct err *e);
bool fixture_write(struct fixture *f, operation_like call, const void *in, void *out, struct err *e) MUST_CHECK;
bool fixture_read(struct fixture *f, operation_like call, const void *in, void *out, struct err *e) MUST_CHECK;

/* Memory without a store: changes take effect at once. */
void fixture_memory(struct fixture *f);
void fixture_memory_close(struct fixture *f);

enum { FIXTURE_GRANT = 7, FIXTURE_APP = 3, FIXTURE_ACCOUNT = 5, FIXTURE_ORGANIZATION = 11 };
struct bearer_grant fixture_grant(void);      /* live, all projects, "grt_one", version 1 */
/* A live installation token of the grant; its text. */
str fixture_token(struct fixture *f, int64_t grant_id, int64_t version, int64_t expires_ms);
bool fixture_is_refused(struct fixture *f, str text, enum err_code want);   /* bearer_principal says `want` */

/* How many audit events of this kind there are. */
size_t fixture_audited(struct fixture *f, const char *kind);

#endif
