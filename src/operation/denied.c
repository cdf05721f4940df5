/* SPDX-License-Identifier: MIT
 *
 * The audit of refusals by scope. The answer does not wait for it, so it has a task and an arena
 * of its own. */
#include <stdlib.h>

#include "access/audit.h"
#include "base/log.h"
#include "operation/operation_int.h"

enum { DENIED_ARENA_BYTES = 2048 };

struct denied {
	struct write_task   task;
	struct arena       *arena;
	struct act          act;
	struct principal    who;
	const struct operation *op;
	str                 required;
};

static bool denied_run(struct db *db, struct write_task *t, struct err *e)
{
	struct denied *d = (struct denied *)(void *)t;
	struct audit_detail detail = {
		AUDIT_FACTS({ S("operation"), str_from(d->op->name) }, { S("required"), d->required }),
	};

	d->act.db = db;
	return audit_refusal(&d->act, AUDIT_SCOPE_DENIED, &detail, STR_NONE, STR_NONE, e);
}

static void denied_done(struct write_task *t, bool ok, const struct err *e)
{
	struct denied *d = (struct denied *)(void *)t;

	if (!ok)
		log_event(LOG_WARN, "audit_lost", "operation=%s error=%s", d->op->name, e->msg);
	arena_destroy(d->arena);
	free(d);
}

void operation_note_denied(const struct operation_call *c, const struct err *refusal)
{
	struct operation_env *env = c->env;
	struct denied *d;

	if (env->config.store == NULL)
		return;
	d = heap_alloc(sizeof *d);
	*d = (struct denied){
		.task = { .run = denied_run, .done = denied_done },
		.arena = arena_create(DENIED_ARENA_BYTES),
		.op = c->op, .required = refusal->required, .who = *c->who,
	};
	d->act = operation_act(c, NULL);
	d->act.arena = d->arena;
	d->act.who = &d->who;
	d->act.request_id = arena_str(d->arena, c->request_id);
	d->act.address = arena_str(d->arena, c->address);
	d->act.user_agent = arena_str(d->arena, c->user_agent);
	/* Only the ids of the principal are written; what points into the request must not be
	 * seen. */
	d->who.projects = (struct project_set){ .mode = PROJECTS_NONE };
	d->who.grant_public_id = STR_NONE;
	d->who.organization_public_id = d->who.organization_slug = d->who.organization_name = STR_NONE;
	if (!store_write(env->config.store, &d->task)) {
		atomic_fetch_add_explicit(&env->audits_dropped, 1, memory_order_relaxed);
		arena_destroy(d->arena);
		free(d);
	}
}
