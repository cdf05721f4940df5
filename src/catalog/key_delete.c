/* SPDX-License-Identifier: MIT */
#include "catalog/key_delete.h"

#include "access/audit.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "store/catalog.h"

enum { DELETE_KEYS_MAX = 100 };

const struct field key_delete_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct key_delete_in),
	FIELD(struct key_delete_in, ids, "keyIds",
	      .flags = FIELD_REQUIRED | FIELD_COERCED | FIELD_UUID | FIELD_LOWER,
	      .min = 1, .max = DELETE_KEYS_MAX),
	FIELD_END
};
static const struct field marked_fields[] = {
	FIELD(struct key_marked, id, "id"),
	FIELD(struct key_marked, name, "k"),
	FIELD(struct key_marked, namespace, "ns"),
	FIELD_END
};
const struct field key_delete_out_fields[] = {
	FIELD(struct key_delete_out, ok, "ok"),
	FIELD(struct key_delete_out, count, "cnt"),
	FIELD_OF_LIST(struct key_delete_out, marked, "mk", struct key_marked, marked_fields),
	FIELD(struct key_delete_out, skipped, "skip", .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct key_delete_out, pending, "pub", pending_compact_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct key_delete_out, count, "deleted", .flags = FIELD_UNBATCHED),
	FIELD(struct key_delete_out, skipped_always, "skipped", .flags = FIELD_UNBATCHED),
	FIELD_END
};

/* The live key of this id that is not marked yet. */
static struct text_key *live_key(struct text_key_list *keys, str id)
{
	for (size_t i = 0; i < keys->n; i++)
		if (str_eq(keys->v[i].public_id, id))
			return keys->v[i].deleted ? NULL : &keys->v[i];
	return NULL;
}

bool key_delete(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct key_delete_in *i = in;
	struct key_delete_out *o = out;
	struct key_marked *marked = arena_array(act->arena, struct key_marked, i->ids.n + 1);
	struct text_key *gone = arena_array(act->arena, struct text_key, i->ids.n + 1);
	str *skipped = arena_array(act->arena, str, i->ids.n + 1);
	struct audit_detail detail = { 0 };
	struct text_key_list keys;
	struct project p;
	size_t n = 0, skipped_n = 0;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) ||
	    !store_project_lock(act->db, act->arena, p.id, e) ||
	    !store_keys_by_public_ids(act->db, act->arena, p.id, &i->ids, &keys, e))
		return false;
	for (size_t k = 0; k < i->ids.n; k++) {
		struct text_key *key = live_key(&keys, i->ids.v[k]);

		if (!key) {
			skipped[skipped_n++] = i->ids.v[k];
			continue;
		}
		key->deleted = true;
		gone[n] = *key;
		marked[n++] = (struct key_marked){
			key->public_id, key->name,
			str_eq(key->namespace, NAMESPACE_DEFAULT) ? STR_NONE : key->namespace,
		};
	}
	o->ok = true;
	o->marked = (struct list){ marked, n, true };
	o->skipped = o->skipped_always = (struct strs){ skipped, skipped_n, false };
	if (n == 0)
		return true;
	detail.organization_id = p.organization_id;
	detail.project_id = p.id;
	return store_keys_delete(act->db, act->arena, p.id, gone, n, act->now_ms, &o->count, e) &&
	       audit_add(act, AUDIT_TEXT_KEYS_DELETED, &detail, e) &&
	       pending_hint(act, &p, &o->pending, e);
}
