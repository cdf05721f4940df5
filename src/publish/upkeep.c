/* SPDX-License-Identifier: MIT */
#include "publish/upkeep.h"

#include "access/audit.h"
#include "publish/publisher_int.h"
#include "store/backup.h"
#include "store/upkeep.h"

#include <stdlib.h>
#include <sys/stat.h>

const struct field store_view_out_fields[] = {
	FIELD(struct store_view_out, schema_version, "schemaVersion"),
	FIELD_END
};
const struct field backup_in_fields[] = { FIELD(struct backup_in, file, "file",
						.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
						.max = 4096),
					  FIELD_END };
const struct field backup_out_fields[] = { FIELD(struct backup_out, ok, "ok"),
					   FIELD(struct backup_out, problems, "problems"),
					   FIELD(struct backup_out, file, "file"),
					   FIELD(struct backup_out, bytes, "bytes"),
					   FIELD(struct backup_out, bodies, "bodies"),
					   FIELD(struct backup_out, reminder, "reminder"),
					   FIELD_END };
const struct field verify_out_fields[] = { FIELD(struct verify_out, ok, "ok"),
					   FIELD(struct verify_out, problems, "problems"),
					   FIELD_END };

bool upkeep_view(const struct act *act, const void *in, void *out, struct err *e)
{
	(void)in;
	(void)e;
	*(struct store_view_out *)out = (struct store_view_out){ store_schema_version(act->store) };
	return true;
}

/* Backup -----------------------------------------------------------------------------------------
 */

struct body_list {
	char (*names)[BLOB_NAME_BYTES];
	size_t n, cap;
};

/* The bodies that are there when the database has been copied: each that the copy needs is among
 * them, because a body is written before the row that names it and outlives it by a day. */
static bool note_name(str name, int64_t age_ms, void *arg)
{
	struct body_list *l = arg;

	(void)age_ms;
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : l->cap * 2;
		void *more = realloc(l->names, cap * sizeof(*l->names));

		if (more == NULL)
			abort();
		l->names = more;
		l->cap = cap;
	}
	for (size_t i = 0; i < BLOB_NAME_BYTES && i < name.n; i++)
		l->names[l->n][i] = name.p[i];
	l->n++;
	return true;
}

struct packing {
	struct blobs *blobs;
	struct body_list list;
	size_t at;
	int form;
	struct buf bytes;
	int64_t count;
};

static bool next_body(void *arg, struct backup_body *out, bool *more_out, struct err *e)
{
	struct packing *p = arg;

	for (; p->at < p->list.n; p->at++, p->form = BLOB_IDENTITY) {
		str name = { p->list.names[p->at], BLOB_NAME_BYTES };

		for (; p->form < BLOB_FORMS; p->form++) {
			if (!blobs_has(p->blobs, name, (enum blob_form)p->form))
				continue;
			buf_reset(&p->bytes);
			if (!blobs_get(p->blobs, name, (enum blob_form)p->form, &p->bytes, e)) {
				if (e->code != ERR_NOT_FOUND)
					return false;
				continue; /* swept meanwhile: nothing needs it */
			}
			*out = (struct backup_body){ name, p->form++, buf_view(&p->bytes) };
			*more_out = true;
			p->count++;
			return true;
		}
	}
	*more_out = false;
	return true;
}

static bool note_backup(const struct act *tx, void *arg, struct err *e)
{
	(void)arg;
	return audit_add(tx, AUDIT_STORE_BACKED_UP, NULL, e);
}

bool upkeep_backup(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct backup_in *b = in;
	struct backup_out *o = out;
	struct publisher *publisher = act->publisher;
	struct packing p = { .blobs = publisher->config.blobs };
	struct stat st;
	bool ok;

	if (!store_backup(act->store, b->file, e))
		return false;
	buf_init(&p.bytes, BLOB_BYTES_MAX);
	ok = blobs_each(p.blobs, note_name, &p.list, e) &&
	     backup_add_bodies(b->file, next_body, &p, e) && act_write(act, note_backup, NULL, e);
	buf_fini(&p.bytes);
	free(p.list.names);
	if (!ok)
		return false;
	if (stat(arena_cstr(act->arena, b->file), &st) == 0)
		o->bytes = st.st_size;
	o->ok = true;
	o->file = b->file;
	o->bodies = p.count;
	o->reminder = S("Also save the server key file (bi18n config show: secret_key_file; by "
			"default DATA.key beside the data "
			"directory): without it every connection of an app is lost.");
	return true;
}

/* Verify -----------------------------------------------------------------------------------------
 */

bool upkeep_verify(const struct act *act, const void *in, void *out, struct err *e)
{
	struct verify_out *o = out;

	(void)in;
	o->problems = (struct strs){ NULL, 0, true };
	if (!store_check(act->store, act->arena, &o->problems, e) ||
	    !store_invariants(act->store, act->arena, &o->problems, e) ||
	    !publisher_verify(act->publisher, act->arena, &o->problems, e))
		return false;
	o->ok = o->problems.n == 0;
	return true;
}

/* Restore ----------------------------------------------------------------------------------------
 */

struct unpacking {
	struct blobs *blobs;
	int64_t count;
};

static bool take_body(void *arg, const struct backup_body *body, struct err *e)
{
	struct unpacking *u = arg;
	struct blob_item item = { body->name, (enum blob_form)body->form, body->bytes };

	if (body->name.n != BLOB_NAME_BYTES || body->form < 0 || body->form >= BLOB_FORMS)
		return err_set(e, ERR_INVALID_REQUEST, "this backup names a body that cannot be");
	u->count++;
	return blobs_put(u->blobs, &item, 1, e);
}

bool upkeep_unpack(str file, str data_dir, int64_t *bodies_out, struct err *e)
{
	struct arena *a = arena_create(4 * KIB);
	struct unpacking u = { 0 };
	bool ok = blobs_open(arena_printf(a, FMT_STR "/blob", ARG_STR(data_dir)), &u.blobs, e) &&
		  backup_unpack(file, arena_printf(a, FMT_STR "/bi18n.db", ARG_STR(data_dir)),
				take_body, &u, e);

	blobs_close(&u.blobs);
	arena_destroy(a);
	*bodies_out = u.count;
	return ok;
}

bool upkeep_note_restore(const struct act *act, struct err *e)
{
	return audit_add(act, AUDIT_STORE_RESTORED, NULL, e);
}
