/* SPDX-License-Identifier: MIT */
#include "catalog/import.h"

#include "access/audit.h"
#include "access/principal.h"
#include "catalog/clip.h"
#include "catalog/language.h"
#include "catalog/leaf.h"
#include "catalog/project.h"
#include "catalog/tree.h"
#include "catalog/write.h"
#include "store/catalog.h"

#include <string.h>

/* A file is parsed here, outside the writer. One of at most ONE_TRANSACTION_MAX leaves is then
 * written in one transaction. A larger one would hold up every other writer, so it goes in slices,
 * each its own transaction and well under 20 ms; delivery does not move until a publish. When a
 * slice fails, those before it are taken back, except where somebody has written since. If the
 * process dies between two slices, a part of the file stays; importing again completes it, as a
 * value that is there already writes nothing. */
enum { SLICE_LEAVES = 250, SLICE_BYTES = 1 << 20, ONE_TRANSACTION_MAX = 2000,
       WIRE_NAMESPACE_MAX = 128 };

static const char *const formats[] = { "auto", "json", "flat", NULL };

const struct field import_in_fields[] = {
	FIELD(struct import_in, project, "project", .flags = FIELD_REQUIRED),
	FIELD(struct import_in, language, "language", .flags = FIELD_REQUIRED),
	FIELD(struct import_in, namespace, "namespace", .max = WIRE_NAMESPACE_MAX),
	FIELD(struct import_in, format, "format", .one_of = formats),
	FIELD(struct import_in, path, "path"),
	FIELD(struct import_in, content, "content", .flags = FIELD_REQUIRED),
	FIELD(struct import_in, draft, "draft"),
	FIELD(struct import_in, dry_run, "dryRun"),
	FIELD_END
};
static const struct field skipped_fields[] = {
	FIELD(struct import_skipped, key, "key"),
	FIELD(struct import_skipped, reason, "reason"),
	FIELD_END
};
const struct field import_out_fields[] = {
	FIELD(struct import_out, keys_created, "keysCreated"),
	FIELD(struct import_out, keys_updated, "keysUpdated"),
	FIELD(struct import_out, texts_written, "translationsWritten"),
	FIELD_OF_LIST(struct import_out, skipped, "skipped", struct import_skipped, skipped_fields),
	FIELD(struct import_out, language_added, "languageAdded", .flags = FIELD_OPTIONAL),
	FIELD_END
};

/* What one slice did, for taking it back. */
struct slice {
	struct slice *before;
	struct text_key *made;        size_t made_n;
	struct text_change *changes;  size_t changes_n;
};

struct importing {
	const struct import_in *in;
	struct import_out *out;
	struct project project;
	str language;
	enum text_state state;
	struct leaf_list leaves;
	size_t from, to;             /* the slice at work     */
	struct slice *done;
	/* all went well, and the transaction was given up on purpose */
	bool rehearsed;
};

static bool load(const struct act *act, void *arg, struct err *e)
{
	struct importing *im = arg;

	return project_find_name(act, im->in->project, &im->project, e) &&
	       access_needs_role(act, im->project.organization_id, ROLE_MEMBER, e) &&
	       language_needed(act->arena, im->in->language, &im->language, e);
}

static bool read_file(const struct act *act, struct importing *im, struct err *e)
{
	const struct import_in *in = im->in;
	bool flat = project_is_flat(&im->project);
	struct leaf_options options = {
		.path = in->path, .dots_are_names = flat,
		.dots_are_paths = !flat && str_eq(in->format, S("flat")),
		.bytes_max = (size_t)act->settings->import_bytes_max,
	};

	if (in->namespace.n && (!namespace_is_valid(in->namespace) ||
	                        namespace_is_reserved(in->namespace)))
		return err_set(e, ERR_INVALID_REQUEST,
		               "namespace: \"" FMT_STR "\" cannot be one. Use 1 to 128 of A-Z,"
		               " a-z, 0-9, _ and -, beginning with a letter or digit;"
		               " translations, batch and manifest are taken.",
		               ARG_STR(clip(in->namespace, CLIP_CHARS)));
	return leaves_read(act->arena, in->content, &options, &im->leaves, e);
}

/* Names -> keys -------------------------------------------------------------------------------- */

static void identify(const struct importing *im, str name, struct text_key *k)
{
	*k = (struct text_key){ .namespace = im->in->namespace, .name = name };
	if (im->in->namespace.n)
		return;
	if (im->project.default_wrapped && str_starts(name, S("default."))) {
		k->namespace = NAMESPACE_DEFAULT;
		k->name = str_from_at(name, S("default.").n);
		return;
	}
	key_split_name(name, &k->namespace, &k->name);
}

/* The same path stored under the other identity: whole in the default namespace, or split (see
 * key_split_name). */
static bool other_identity(struct arena *a, const struct text_key *k, struct text_key *out)
{
	*out = (struct text_key){ .namespace = NAMESPACE_DEFAULT };
	if (!str_eq(k->namespace, NAMESPACE_DEFAULT)) {
		out->name = key_full_name(a, k->namespace, k->name);
		return true;
	}
	key_split_name(k->name, &out->namespace, &out->name);
	return !str_eq(out->namespace, NAMESPACE_DEFAULT);
}

static bool find_others(const struct act *act, struct importing *im, struct text_key *keys,
                        size_t n, struct err *e)
{
	struct text_key *others = arena_array(act->arena, struct text_key, n + 1);
	size_t *owners = arena_array(act->arena, size_t, n + 1), others_n = 0;

	if (im->project.default_wrapped)
		return true;
	for (size_t i = 0; i < n; i++)
		if (keys[i].id == 0 && other_identity(act->arena, &keys[i], &others[others_n]))
			owners[others_n++] = i;
	if (!keys_find(act, &im->project, others, others_n, e))
		return false;
	for (size_t i = 0; i < others_n; i++)
		if (others[i].id)
			keys[owners[i]] = others[i];
	return true;
}

/* Moves keys and leaves that clash with what is stored out of the way. *n shrinks. */
static bool drop_clashes(const struct act *act, struct importing *im, struct text_key *keys,
                         struct leaf *leaves, size_t *n, struct err *e)
{
	str *clash = arena_array(act->arena, str, *n + 1);
	size_t kept = 0;

	if (!keys_clash(act, &im->project, keys, *n, clash, e))
		return false;
	for (size_t i = 0; i < *n; i++) {
		if (!clash[i].p) {
			keys[kept] = keys[i];
			leaves[kept++] = leaves[i];
			continue;
		}
		leaf_skip_add(act->arena, &im->leaves, leaves[i].name,
		              arena_printf(act->arena, "a text cannot also be a parent; the"
		                                       " project has \"" FMT_STR "\"",
		                           ARG_STR(clash[i])));
	}
	*n = kept;
	return true;
}

/* Writing -------------------------------------------------------------------------------------- */

static struct slice *slice_of(const struct act *act, struct importing *im,
                              const struct text_key *keys,
                              const bool *made, const struct leaf *leaves, size_t n)
{
	struct slice *s = arena_new(act->arena, struct slice);

	s->before = im->done;
	s->made = arena_array(act->arena, struct text_key, n + 1);
	s->changes = arena_array(act->arena, struct text_change, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (made[i])
			s->made[s->made_n++] = keys[i];
		s->changes[s->changes_n++] = (struct text_change){ .to = {
			.key_id = keys[i].id, .language = im->language, .value = leaves[i].value,
			.json = leaves[i].json, .state = im->state,
		} };
	}
	return s;
}

static bool write_slice(const struct act *act, struct importing *im, size_t from, size_t to,
                        struct err *e)
{
	size_t n = to - from;
	struct text_key *keys = arena_array(act->arena, struct text_key, n + 1);
	struct leaf *leaves = arena_array(act->arena, struct leaf, n + 1);
	bool *made = arena_array(act->arena, bool, n + 1);
	struct slice *s;

	memcpy(leaves, im->leaves.v + from, n * sizeof(*leaves));
	for (size_t i = 0; i < n; i++)
		identify(im, leaves[i].name, &keys[i]);
	if (!keys_find(act, &im->project, keys, n, e) || !find_others(act, im, keys, n, e) ||
	    !drop_clashes(act, im, keys, leaves, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		made[i] = keys[i].id == 0;
	if (!keys_make(act, &im->project, keys, n, e))
		return false;
	s = slice_of(act, im, keys, made, leaves, n);
	if (!texts_write(act, &im->project, s->changes, s->changes_n, WRITE_RAISE, &s->changes_n,
	                 e))
		return false;
	im->out->keys_created += (int64_t)s->made_n;
	im->out->keys_updated += (int64_t)(s->changes_n - s->made_n);
	im->out->texts_written += (int64_t)s->changes_n;
	im->done = s;
	return true;
}

static size_t slice_end(const struct importing *im, size_t from)
{
	size_t to = from, bytes = 0;

	while (to < im->leaves.n && to - from < SLICE_LEAVES && (to == from || bytes < SLICE_BYTES))
		bytes += im->leaves.v[to++].value.n;
	return to;
}

static bool begin(const struct act *act, struct importing *im, struct err *e)
{
	struct audit_detail detail = {
		.organization_id = im->project.organization_id, .project_id = im->project.id,
		AUDIT_FACTS({ S("language"), im->language }),
	};

	if (!store_project_lock(act->db, act->arena, im->project.id, e))
		return false;
	if (im->out->language_added || str_eq(im->language, im->project.source_language))
		return true;
	if (!store_language_insert(act->db, act->arena, im->project.id, im->language, S("active"),
	                           act->now_ms, &im->out->language_added, e))
		return false;
	return !im->out->language_added || audit_add(act, AUDIT_LANGUAGE_ADDED, &detail, e);
}

/* A dry run does everything and then gives the transaction up, so that it cannot say anything else
 * than the real one. */
static bool rehearse(struct importing *im, struct err *e)
{
	im->rehearsed = true;
	return err_set(e, ERR_CONFLICT, "dry run");
}

static bool finish(const struct act *act, struct importing *im, struct err *e)
{
	struct arena *a = act->arena;
	struct audit_detail detail = {
		.organization_id = im->project.organization_id, .project_id = im->project.id,
		AUDIT_FACTS({ S("language"), im->language },
		            { S("keysCreated"), arena_printf(a, "%lld",
		                                             (long long)im->out->keys_created) },
		            { S("translationsWritten"),
		              arena_printf(a, "%lld", (long long)im->out->texts_written) }),
	};

	return audit_add(act, AUDIT_TEXT_IMPORTED, &detail, e);
}

/* Leaves from..to, in as many slices as they need, and the last word when there are no more. */
static bool write_range(const struct act *act, void *arg, struct err *e)
{
	struct importing *im = arg;

	if (!begin(act, im, e))
		return false;
	for (size_t from = im->from, to; from < im->to; from = to) {
		to = slice_end(im, from);
		if (!write_slice(act, im, from, to, e))
			return false;
	}
	if (im->in->dry_run)
		return rehearse(im, e);
	return im->to < im->leaves.n || finish(act, im, e);
}

static bool write_transaction(const struct act *act, struct importing *im, struct err *e)
{
	im->rehearsed = false;
	return act_write(act, write_range, im, e) || im->rehearsed;
}

/* Large files ---------------------------------------------------------------------------------- */

static bool undo_one(const struct act *act, void *arg, struct err *e)
{
	const struct slice *s = arg;

	return store_texts_undo(act->db, act->arena, s->changes, s->changes_n, act->now_ms, e) &&
	       store_keys_undo(act->db, act->arena, s->made, s->made_n, e);
}

static bool undo_language(const struct act *act, void *arg, struct err *e)
{
	const struct importing *im = arg;

	return store_language_undo(act->db, act->arena, im->project.id, im->language, e);
}

static bool undo(const struct act *act, struct importing *im, struct err *e)
{
	struct err second = { 0 };
	bool ok = true;

	if (im->in->dry_run)
		return false;
	for (struct slice *s = im->done; s && ok; s = s->before)
		ok = act_write(act, undo_one, s, &second);
	if (ok && im->done && im->out->language_added)
		ok = act_write(act, undo_language, im, &second);
	if (!ok)
		return err_set(e, ERR_UNAVAILABLE,
		               "The import stopped midway and could not be taken back: %zu of %zu"
		               " texts were written. Import the file again to complete it.",
		               im->from, im->leaves.n);
	return false;
}

static bool write_in_slices(const struct act *act, struct importing *im, struct err *e)
{
	for (; im->from < im->leaves.n; im->from = im->to) {
		struct slice *done = im->done;

		im->to = slice_end(im, im->from);
		if (write_transaction(act, im, e))
			continue;
		/* A commit can fail after the slice itself went well: what it did is not there. */
		im->done = done;
		return undo(act, im, e);
	}
	return true;
}

bool import_texts(const struct act *act, const void *in, void *out, struct err *e)
{
	struct importing im = { .in = in, .out = out };
	struct import_skipped *skipped;

	im.state = im.in->draft ? TEXT_DRAFT : TEXT_APPROVED;
	if (!act_read(act, load, &im, e) || !read_file(act, &im, e))
		return false;
	im.to = im.leaves.n;
	if (im.leaves.n <= ONE_TRANSACTION_MAX ? !write_transaction(act, &im, e)
	                                       : !write_in_slices(act, &im, e))
		return false;
	*e = (struct err){ 0 };
	skipped = arena_array(act->arena, struct import_skipped, im.leaves.skips_n + 1);
	for (size_t i = 0; i < im.leaves.skips_n; i++)
		skipped[i] = (struct import_skipped){ im.leaves.skips[i].key,
		                                      im.leaves.skips[i].reason };
	im.out->skipped = (struct list){ skipped, im.leaves.skips_n, true };
	return true;
}
