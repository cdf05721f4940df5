/* SPDX-License-Identifier: MIT */
#include "server/key.h"

#include "access/audit.h"
#include "access/bearer.h"
#include "crypto/crypto.h"
#include "jobs/jobs.h"
#include "store/account.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const str meta_fingerprint = STR("key_fingerprint");

struct key_files { const char *path, *next; };

static struct key_files key_files_of(struct runtime *rt)
{
	str path = runtime_key_file(rt->arena, rt->config, rt->data_dir);

	return (struct key_files){
		.path = arena_cstr(rt->arena, path),
		.next = arena_cstr(rt->arena, arena_printf(rt->arena, FMT_STR ".next", ARG_STR(path))),
	};
}

/* Named by its key, so that no two are one and a change that is finished later names it alike. */
static const char *old_file(struct runtime *rt, const struct key_files *f, str fingerprint)
{
	return arena_cstr(rt->arena, arena_printf(rt->arena, "%s." FMT_STR ".old", f->path,
						  ARG_STR(str_sub(fingerprint, 0, 8))));
}

/* Taking it ------------------------------------------------------------------------------------ */

struct key_check {
	struct runtime *rt;
	str fingerprint;
};

static bool note_key(struct db *db, void *arg, struct err *e)
{
	struct key_check *k = arg;
	struct arena *a = k->rt->arena;
	bool added;
	str epoch;

	return store_meta_add(db, a, meta_fingerprint, k->fingerprint, &added, e) &&
	       store_meta_add(db, a, S("epoch"), S("1"), &added, e) &&
	       store_meta_get(db, a, meta_fingerprint, &k->fingerprint, e) &&
	       store_meta_get(db, a, S("epoch"), &epoch, e) &&
	       (str_i64(epoch, 1, INT64_MAX, &k->rt->settings.epoch) ||
		err_log(e, ERR_INTERNAL, 0, "epoch"));
}

static bool stored_fingerprint(struct runtime *rt, str *out, struct err *e)
{
	struct db *db;
	bool ok;

	if (!store_read_begin(rt->store, &db, e))
		return false;
	ok = store_meta_get(db, rt->arena, meta_fingerprint, out, e);
	store_read_end(rt->store, db);
	return ok;
}

/* The rows are sealed under the next key already: only the files are behind. */
static bool finish_change(struct runtime *rt, const struct key_files *f, str known, str present,
			  struct err *e)
{
	uint8_t key[KEY_BYTES];
	struct err none = { 0 };
	bool mine = server_key_load(f->next, key, &none) &&
		    str_eq(server_key_fingerprint(rt->arena, key), known);

	if (mine)
		memcpy(rt->settings.server_key, key, sizeof(key));
	wipe(key, sizeof(key));
	if (!mine)
		return err_set(e, ERR_PRECONDITION_FAILED,
			       "the server key %s belongs to another store; put the right file "
			       "back or name "
			       "it with secret_key_file",
			       f->path);
	return server_key_replace(f->path, f->next, old_file(rt, f, present), e);
}

bool key_take(struct runtime *rt, struct err *e)
{
	struct key_files f = key_files_of(rt);
	struct key_check k = { .rt = rt };
	bool there = access(f.path, F_OK) == 0;
	str known;

	if (!stored_fingerprint(rt, &known, e))
		return false;
	if (!there && known.n > 0)
		return err_set(e, ERR_PRECONDITION_FAILED,
			       "the server key %s is missing and this store needs it; put the "
			       "saved file back "
			       "or name it with secret_key_file",
			       f.path);
	if (!(there ? server_key_load(f.path, rt->settings.server_key, e)
		    : server_key_create(f.path, rt->settings.server_key, e)))
		return false;
	k.fingerprint = server_key_fingerprint(rt->arena, rt->settings.server_key);
	if (known.n > 0 && !str_eq(known, k.fingerprint) &&
	    !finish_change(rt, &f, known, k.fingerprint, e))
		return false;
	return jobs_write(rt->store, note_key, &k, e);
}

/* Changing it ---------------------------------------------------------------------------------- */

struct rotation {
	struct runtime *rt;
	struct settings next;
	str     from, to;                        /* fingerprints */
	int64_t rows;
};

static bool rewrap(struct db *db, void *arg, struct err *e)
{
	struct rotation *r = arg;
	struct act act = runtime_act(r->rt, db, S("server-key rotate"));
	struct audit_detail detail = { AUDIT_FACTS({ S("from"), r->from }, { S("to"), r->to }) };

	return family_secrets_rewrap(db, &r->rt->settings, &r->next, &r->rows, e) &&
	       store_meta_set(db, r->rt->arena, meta_fingerprint, r->to, e) &&
	       audit_add(&act, AUDIT_SERVER_KEY_ROTATED, &detail, e);
}

/* A next key that is there already was left by an attempt that ended before its commit. */
static bool rotate(struct rotation *r, const struct key_files *f, const char *old, struct err *e)
{
	uint8_t *key = r->next.server_key;

	if (!(access(f->next, F_OK) == 0 ? server_key_load(f->next, key, e)
					 : server_key_create(f->next, key, e)))
		return false;
	r->to = server_key_fingerprint(r->rt->arena, key);
	return jobs_write(r->rt->store, rewrap, r, e) && server_key_replace(f->path, f->next, old, e);
}

static int print_rotation(struct cli *cli, const struct rotation *r, const char *path, const char *old)
{
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, cli->arena, 16 * KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("rewrapped"));
	json_put_i64(&o, r->rows);
	json_key(&o, S("fingerprint"));
	json_put_str(&o, r->to);
	json_key(&o, S("keyFile"));
	json_put_str(&o, str_from(path));
	json_key(&o, S("oldKeyFile"));
	json_put_str(&o, str_from(old));
	json_close_object(&o);
	fprintf(stderr, "Save the new key file. Backups made before need the old one; without such "
			"backups it can be removed.\n");
	return print_outcome(cli, &b);
}

int run_server_key_rotate(struct cli *cli, str input)
{
	struct rotation r = { 0 };
	struct key_files f;
	struct err e = { 0 };
	const char *old;
	bool ok;
	int code;

	(void)input;
	if (runtime_is_served(cli)) {
		(void)err_set(&e, ERR_CONFLICT,
			      "a server runs on this store and holds the key; stop it first");
		return command_fail(cli, &e);
	}
	if (!runtime_open_alone(cli, &r.rt, &e))
		return command_fail(cli, &e);
	f = key_files_of(r.rt);
	r.next = r.rt->settings;
	r.from = server_key_fingerprint(r.rt->arena, r.rt->settings.server_key);
	old = old_file(r.rt, &f, r.from);
	ok = rotate(&r, &f, old, &e);
	wipe(r.next.server_key, sizeof(r.next.server_key));
	code = ok ? print_rotation(cli, &r, f.path, old) : command_fail(cli, &e);
	runtime_close(r.rt);
	return code;
}
