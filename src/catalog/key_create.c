/* SPDX-License-Identifier: MIT */
#include "catalog/key_create.h"

#include "access/audit.h"
#include "base/json.h"
#include "catalog/clip.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "store/catalog.h"

#include <stdlib.h>

enum { TAGS_BYTES_MAX = 64 << 10, HINT_BYTES_MAX = 1024, CONTEXT_CHARS_MAX = 10000,
	ELSEWHERE_LOOKUPS_MAX = 50000 };

static const struct field context_fields[] = {
	FIELD(struct key_context, description, "description", .max = CONTEXT_CHARS_MAX),
	FIELD(struct key_context, team, "team", .max = CONTEXT_CHARS_MAX),
	FIELD(struct key_context, domain, "domain", .max = CONTEXT_CHARS_MAX),
	FIELD(struct key_context, ai_prompt, "aiPrompt", .max = CONTEXT_CHARS_MAX),
	FIELD(struct key_context, tags, "tags"),
	FIELD_END
};
static const struct field wanted_fields[] = {
	FIELD(struct key_wanted, name, "n", .flags = FIELD_REQUIRED),
	FIELD(struct key_wanted, namespace, "ns"),
	FIELD(struct key_wanted, value, "v"),
	FIELD_OF_STR_MAP(struct key_wanted, texts, "t", .flags = FIELD_LOWER),
	FIELD_OF_OBJECT(struct key_wanted, context, "nc", context_fields),
	FIELD_END
};
const struct field key_create_in_fields[] = {
	PROJECT_IDENTITY_FIELDS(struct key_create_in),
	FIELD_OF_LIST(struct key_create_in, keys, "k", struct key_wanted, wanted_fields,
	              .flags = FIELD_REQUIRED | FIELD_COERCED, .min = 1,
	              .max = CALL_KEYS_MAX),
	FIELD(struct key_create_in, force, "force"),
	FIELD_END
};
static const struct field made_fields[] = {
	FIELD(struct key_made, name, "k"),
	FIELD(struct key_made, id, "id"),
	FIELD(struct key_made, texts, "tr"),
	FIELD_END
};
static const struct field skipped_fields[] = {
	FIELD(struct key_skipped, name, "k"),
	FIELD(struct key_skipped, reason, "reason"),
	FIELD_END
};
static const struct field warned_fields[] = {
	FIELD(struct key_warned, name, "k"),
	FIELD(struct key_warned, namespace, "ns"),
	FIELD(struct key_warned, other, "other"),
	FIELD_END
};
const struct field key_create_out_fields[] = {
	FIELD(struct key_create_out, ok, "ok"),
	FIELD(struct key_create_out, count, "cnt"),
	FIELD(struct key_create_out, fresh, "new"),
	FIELD(struct key_create_out, renamed, "ren"),
	FIELD(struct key_create_out, duplicates, "dup"),
	FIELD_OF_LIST(struct key_create_out, keys, "k", struct key_made, made_fields),
	FIELD_OF_LIST(struct key_create_out, skipped, "skip", struct key_skipped, skipped_fields,
	              .flags = FIELD_OPTIONAL),
	FIELD_OF_LIST(struct key_create_out, warned, "warn", struct key_warned, warned_fields,
	              .flags = FIELD_OPTIONAL),
	FIELD_OF_OBJECT(struct key_create_out, pending, "pub", pending_compact_fields,
	                .flags = FIELD_OPTIONAL),
	FIELD(struct key_create_out, hint, "hint", .flags = FIELD_OPTIONAL),
	FIELD_END
};

/* One call at work. keys[i] belongs to wanted[i]; those to be made are moved to the front of
 * `fresh`. */
struct creation {
	const struct act *act;
	const struct project *project;
	const struct key_wanted *wanted;
	size_t n;
	struct text_key *keys;
	bool *skip, *rerouted;
	struct text_key *fresh;          /* to be made */
	size_t *fresh_of;                /* index into wanted */
	size_t fresh_n;
	struct namespace_list namespaces;
	struct strs languages;
	size_t unknown_languages;
	str unknown_language;            /* one of them, for the hint */
	size_t rerouted_n;
};

/* Names ---------------------------------------------------------------------------------------- */

static bool has_namespace(const struct creation *c, str name)
{
	for (size_t i = 0; i < c->namespaces.n; i++)
		if (str_eq(c->namespaces.v[i].name, name))
			return true;
	return false;
}

/* "auth.title" in the default namespace, or in auth itself, belongs to auth when that exists. */
static void reroute(struct creation *c, size_t i)
{
	struct text_key *k = &c->keys[i];
	str namespace, name;

	key_split_name(k->name, &namespace, &name);
	if (str_eq(namespace, NAMESPACE_DEFAULT) || !has_namespace(c, namespace))
		return;
	if (!str_eq(k->namespace, NAMESPACE_DEFAULT) && !str_eq(k->namespace, namespace))
		return;
	k->namespace = namespace;
	k->name = name;
	c->rerouted[i] = true;
	c->rerouted_n++;
}

static bool name_of(struct creation *c, size_t i, struct err *e)
{
	const struct key_wanted *w = &c->wanted[i];
	struct text_key *k = &c->keys[i];
	const char *why;

	k->name = w->name;
	k->namespace = w->namespace.n ? w->namespace : NAMESPACE_DEFAULT;
	if (!k->name.n)
		return err_set(e, ERR_INVALID_REQUEST, "k[%zu].n: a key needs a name", i);
	if (!key_name_fits(key_full_name(c->act->arena, k->namespace, k->name), &why))
		return err_set(e, ERR_INVALID_REQUEST, "k[%zu].n: %s", i, why);
	if (namespace_is_reserved(k->namespace))
		return err_set(e, ERR_INVALID_REQUEST,
		               "k[%zu].ns: \"" FMT_STR "\" is reserved for delivered files", i,
		               ARG_STR(k->namespace));
	if (!namespace_is_valid(k->namespace)) {
		if (project_is_namespaced(c->project))
			return err_set(e, ERR_INVALID_REQUEST,
			               "k[%zu].ns: a namespace is 1 to 128 of A-Z, a-z, 0-9, _ and"
			               " -, and begins with a letter or digit", i);
		/* In one file a namespace is only the first part of a path: "a.b" and "c" are "a"
		 * and "b.c". */
		key_split_name(key_full_name(c->act->arena, k->namespace, k->name), &k->namespace,
		               &k->name);
	}
	reroute(c, i);
	return true;
}

static bool texts_fit(struct creation *c, size_t i, struct err *e)
{
	const struct key_wanted *w = &c->wanted[i];
	const struct str_pair *texts = w->texts.v;
	const char *why;

	if (!text_fits(w->value, &why))
		return err_set(e, ERR_INVALID_REQUEST, "k[%zu].v: %s", i, why);
	for (size_t k = 0; k < w->texts.n; k++)
		if (!text_fits(texts[k].value, &why))
			return err_set(e, ERR_INVALID_REQUEST, "k[%zu].t: %s", i, why);
	return true;
}

static int by_identity(const void *a, const void *b)
{
	const struct text_key *x = *(const struct text_key *const *)a,
	        *y = *(const struct text_key *const *)b;
	int order = str_cmp(x->namespace, y->namespace);

	if (order == 0)
		order = str_cmp(x->name, y->name);
	return order ? order : (x > y) - (x < y);
}

/* Of equal names in one call the first is made and the others count as duplicates. */
static void skip_repeats(struct creation *c)
{
	struct text_key **order = arena_array(c->act->arena, struct text_key *, c->n + 1);

	for (size_t i = 0; i < c->n; i++)
		order[i] = &c->keys[i];
	qsort(order, c->n, sizeof(*order), by_identity);
	for (size_t i = 1; i < c->n; i++)
		if (str_eq(order[i]->name, order[i - 1]->name) &&
		    str_eq(order[i]->namespace, order[i - 1]->namespace))
			c->skip[order[i] - c->keys] = true;
}

static bool creation_begin(struct creation *c, struct err *e)
{
	const struct act *act = c->act;
	struct language_list languages;

	c->keys = arena_array(act->arena, struct text_key, c->n);
	c->skip = arena_array(act->arena, bool, c->n);
	c->rerouted = arena_array(act->arena, bool, c->n);
	c->fresh = arena_array(act->arena, struct text_key, c->n);
	c->fresh_of = arena_array(act->arena, size_t, c->n);
	if (!store_project_lock(act->db, act->arena, c->project->id, e) ||
	    !store_namespaces(act->db, act->arena, c->project->id, &c->namespaces, e) ||
	    !store_languages(act->db, act->arena, c->project->id, &languages, e))
		return false;
	c->languages = languages_shown(act->arena, &languages);
	for (size_t i = 0; i < c->n; i++)
		if (!name_of(c, i, e) || !texts_fit(c, i, e))
			return false;
	if (!keys_find(act, c->project, c->keys, c->n, e))
		return false;
	skip_repeats(c);
	for (size_t i = 0; i < c->n; i++) {
		c->skip[i] = c->skip[i] || c->keys[i].id != 0;
		if (c->skip[i])
			continue;
		c->fresh_of[c->fresh_n] = i;
		c->fresh[c->fresh_n++] = c->keys[i];
	}
	return true;
}

/* Clashes -------------------------------------------------------------------------------------- */

static bool refuse_clash(str name, str other, struct err *e)
{
	return err_set(e, ERR_CONFLICT,
	               "Path collision: \"" FMT_STR "\" and \"" FMT_STR "\": a text cannot also be"
	               " a parent. Rename one, or send force: true.",
	               ARG_STR(clip(name, CLIP_CHARS)), ARG_STR(clip(other, CLIP_CHARS)));
}

static bool creation_has_no_clash(struct creation *c, struct err *e)
{
	struct arena *a = c->act->arena;
	str *names = arena_array(a, str, c->fresh_n + 1),
	        *other = arena_array(a, str, c->fresh_n + 1);
	size_t *within = arena_array(a, size_t, c->fresh_n + 1);

	for (size_t i = 0; i < c->fresh_n; i++)
		names[i] = key_full_name(a, c->fresh[i].namespace, c->fresh[i].name);
	names_clash(a, project_is_flat(c->project), names, c->fresh_n, within);
	for (size_t i = 0; i < c->fresh_n; i++)
		if (within[i])
			return refuse_clash(names[i], names[within[i] - 1], e);
	if (!keys_clash(c->act, c->project, c->fresh, c->fresh_n, other, e))
		return false;
	for (size_t i = 0; i < c->fresh_n; i++)
		if (other[i].p)
			return refuse_clash(names[i], other[i], e);
	return true;
}

/* Writing -------------------------------------------------------------------------------------- */

static bool is_target(const struct creation *c, str language)
{
	for (size_t i = 0; i < c->languages.n; i++)
		if (str_eq(c->languages.v[i], language))
			return true;
	return false;
}

static void change_add(struct text_change *changes, size_t *n, const struct text_key *key,
                       str language, str value)
{
	changes[(*n)++] = (struct text_change){ .to = {
		.key_id = key->id, .language = language, .value = value, .state = TEXT_APPROVED,
	} };
}

static size_t changes_of(struct creation *c, size_t i, struct text_change *changes, size_t n)
{
	const struct key_wanted *w = &c->wanted[c->fresh_of[i]];
	const struct str_pair *texts = w->texts.v;
	size_t before = n;

	if (w->value.p)
		change_add(changes, &n, &c->fresh[i], c->project->source_language, w->value);
	for (size_t k = 0; k < w->texts.n; k++) {
		if (str_eq(texts[k].name, c->project->source_language))
			continue;
		if (is_target(c, texts[k].name)) {
			change_add(changes, &n, &c->fresh[i], texts[k].name, texts[k].value);
			continue;
		}
		c->unknown_languages++;
		c->unknown_language = texts[k].name;
	}
	return n - before;
}

static bool creation_write(struct creation *c, struct key_made *made, struct err *e)
{
	size_t most = 0, n = 0, written;
	struct text_change *changes;

	if (!keys_make(c->act, c->project, c->fresh, c->fresh_n, e))
		return false;
	for (size_t i = 0; i < c->fresh_n; i++)
		most += 1 + c->wanted[c->fresh_of[i]].texts.n;
	changes = arena_array(c->act->arena, struct text_change, most + 1);
	for (size_t i = 0; i < c->fresh_n; i++) {
		size_t texts = changes_of(c, i, changes, n);

		n += texts;
		made[i] = (struct key_made){
			.name = c->fresh[i].name, .id = c->fresh[i].public_id,
			.texts = (int64_t)(texts - (c->wanted[c->fresh_of[i]].value.p != NULL)),
		};
	}
	return texts_write(c->act, c->project, changes, n, WRITE_RAISE, &written, e);
}

static str tags_json(struct arena *a, const struct strs *tags)
{
	struct json_out o;
	struct buf b;

	if (!tags->present)
		return STR_NONE;
	if (tags->n == 0)
		return S("");
	buf_init_arena(&b, a, TAGS_BYTES_MAX);
	json_out_init(&o, &b);
	json_open_array(&o);
	for (size_t i = 0; i < tags->n; i++)
		json_put_str(&o, tags->v[i]);
	json_close_array(&o);
	return b.full ? STR_NONE : buf_view(&b);
}

/* In order, so that the last description of a namespace wins. */
static bool creation_describe(struct creation *c, struct err *e)
{
	const struct act *act = c->act;

	for (size_t i = 0; i < c->n; i++) {
		const struct key_context *x = &c->wanted[i].context;
		struct namespace_row row = {
			.name = c->keys[i].namespace, .description = x->description,
			.team = x->team,
			.domain = x->domain, .ai_prompt = x->ai_prompt,
			.tags = tags_json(act->arena, &x->tags),
		};
		struct strs name = { &row.name, 1, true };

		if (!x->description.p && !x->team.p && !x->domain.p && !x->ai_prompt.p &&
		    !x->tags.present)
			continue;
		if (!store_namespaces_ensure(act->db, act->arena, c->project->id, &name,
		                             act->now_ms, e) ||
		    !store_namespace_describe(act->db, act->arena, c->project->id, &row, e))
			return false;
	}
	return true;
}

/* Answering ------------------------------------------------------------------------------------ */

static struct list skips_of(struct creation *c)
{
	struct key_skipped *v = arena_array(c->act->arena, struct key_skipped, c->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->skip[i])
			v[n++] = (struct key_skipped){ c->keys[i].name, S("already exists") };
	return (struct list){ v, n, false };
}

/* Names that stand in other namespaces too, and names that were moved. The former is a courtesy
 * that costs a look-up a key and namespace: a batch too large for it goes without. */
static bool warnings_of(struct creation *c, struct list *out, struct err *e)
{
	struct arena *a = c->act->arena;
	struct key_warned *v = arena_array(a, struct key_warned, c->fresh_n + 1);
	struct name_place_list places = { 0 };
	size_t n = 0, at = 0;

	if (c->fresh_n * c->namespaces.n <= ELSEWHERE_LOOKUPS_MAX &&
	    !store_names_elsewhere(c->act->db, a, c->project->id, c->fresh, c->fresh_n, &places, e))
		return false;
	for (size_t i = 0; i < c->fresh_n; i++) {
		str *other = arena_array(a, str, c->namespaces.n + 1);
		size_t other_n = 0;

		for (; at < places.n && places.v[at].key == i; at++)
			if (!str_eq(places.v[at].namespace, c->fresh[i].namespace))
				other[other_n++] = places.v[at].namespace;
		if (other_n || c->rerouted[c->fresh_of[i]])
			v[n++] = (struct key_warned){
				c->fresh[i].name, c->fresh[i].namespace, { other, other_n, true },
			};
	}
	*out = (struct list){ v, n, false };
	return true;
}

static str hint_of(const struct creation *c)
{
	struct buf b;

	buf_init_arena(&b, c->act->arena, HINT_BYTES_MAX);
	if (c->unknown_languages)
		buf_printf(&b, "%zu texts were left out because the project lacks their language"
		               " (\"" FMT_STR
		           "\"). Add it with proposeLanguages first. ", c->unknown_languages,
		           ARG_STR(clip(c->unknown_language, CLIP_CHARS)));
	if (c->rerouted_n)
		buf_printf(&b, "%zu keys went into the namespace with which their name began. ",
		           c->rerouted_n);
	return b.n ? str_trim(buf_view(&b)) : STR_NONE;
}

static bool creation_audit(struct creation *c, struct err *e)
{
	struct audit_detail detail = {
		.organization_id = c->project->organization_id, .project_id = c->project->id,
		AUDIT_FACTS({ S("keys"), arena_printf(c->act->arena, "%zu", c->fresh_n) }),
	};

	return c->fresh_n == 0 || audit_add(c->act, AUDIT_TEXT_KEYS_CREATED, &detail, e);
}

bool key_create(const struct act *act, const void *in, void *out, struct err *e)
{
	const struct key_create_in *i = in;
	struct key_create_out *o = out;
	struct project p;
	struct creation c = { .act = act, .project = &p, .wanted = i->keys.v, .n = i->keys.n };
	struct key_made *made;

	if (!project_find(act, i->org_slug, i->project_slug, &p, e) || !creation_begin(&c, e))
		return false;
	made = arena_array(act->arena, struct key_made, c.fresh_n + 1);
	if ((!i->force && !creation_has_no_clash(&c, e)) ||
	    !store_keys_deleted_by_names(act->db, act->arena, p.id, c.fresh, c.fresh_n, &o->renamed,
	                                 e) ||
	    !warnings_of(&c, &o->warned, e) ||
	    !creation_write(&c, made, e) || !creation_describe(&c, e) || !creation_audit(&c, e))
		return false;
	o->ok = true;
	o->count = o->fresh = (int64_t)c.fresh_n;
	o->keys = (struct list){ made, c.fresh_n, true };
	o->skipped = skips_of(&c);
	o->duplicates = (int64_t)o->skipped.n;
	o->hint = hint_of(&c);
	return c.fresh_n == 0 || pending_hint(act, &p, &o->pending, e);
}
