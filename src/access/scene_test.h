/* SPDX-License-Identifier: MIT
 *
 * A store with memory on top, for the tests of this folder. STORE_TEST runs its body on each database that is there. */
#ifndef ACCESS_SCENE_TEST_H
#define ACCESS_SCENE_TEST_H

#include "access/apps.h"
#include "access/bearer_int.h"
#include "base/test.h"
#include "crypto/token.h"
#include "store/db.h"

struct scene {
	struct settings  settings;
	struct principal who;
	struct act       act;        /* slow lane: no connection */
	struct arena    *arena;
};

#define STORE_TEST(name) \
	static void name##_body(void); \
	TEST(name) { scene_each_store(name##_body); } \
	static void name##_body(void)
void scene_each_store(void (*body)(void));
void scene_open(struct scene *f);             /* in a STORE_TEST, once */
void scene_restart(struct scene *f);      /* memory from the store again */
void scene_close(struct scene *f);
/* Calls an operation on its lane. */
typedef bool (*operation_like)(const struct act *act, const void *in, void *out, struct err *e);
bool scene_write(struct scene *f, operation_like call, const void *in, void *out,
		 struct err *e) MUST_CHECK;
bool scene_read(struct scene *f, operation_like call, const void *in, void *out,
		struct err *e) MUST_CHECK;

/* Memory without a store: changes take effect at once. */
void scene_memory(struct scene *f);
void scene_memory_close(struct scene *f);

enum { SCENE_GRANT = 7, SCENE_APP = 3, SCENE_ACCOUNT = 5, SCENE_ORGANIZATION = 11 };
struct bearer_grant scene_grant(void);      /* live, all projects, "grt_one", version 1 */
/* A live installation token of the grant; its text. */
str scene_token(struct scene *f, int64_t grant_id, int64_t version, int64_t expires_ms);
bool scene_is_refused(struct scene *f, str text,
		      enum err_code want); /* bearer_principal says `want` */

/* How many audit events of this kind there are. */
size_t scene_audited(struct scene *f, const char *kind);

#endif
