/* SPDX-License-Identifier: MIT
 *
 * Commands about the store as a whole: init, restore, config show, version. */
#include "server/command.h"
#include "server/runtime.h"
#include "server/settings.h"

#include "jobs/jobs.h"
#include "publish/upkeep.h"
#include "server/version.h"
#include "store/db.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int print_outcome(struct cli *cli, struct buf *b)
{
	struct json_fault fault;
	struct json *v;

	if (!json_parse(cli->arena, buf_view(b), JSON_DEPTH_DEFAULT, &v, &fault))
		return EXIT_REFUSED;
	if (cli->json)
		print_json(v);
	else
		print_result(v);
	return EXIT_DONE;
}

/* The store is made on the way to the operation, unless a server has it already. */
int run_init(struct cli *cli, str input)
{
	const struct json *view;
	struct json_out o;
	struct buf b;
	struct err e = { 0 };

	if (!command_call(cli, S("store.view"), input, &view, &e))
		return command_fail(cli, &e);
	buf_init_arena(&b, cli->arena, 64 * KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("dataDir"));
	json_put_str(&o, cli->data_dir);
	json_key(&o, S("schemaVersion"));
	json_put(&o, json_get(view, S("schemaVersion")));
	json_close_object(&o);
	return print_outcome(cli, &b);
}

int run_config_show(struct cli *cli, str input)
{
	struct json_out o;
	struct buf b;

	(void)input;
	buf_init_arena(&b, cli->arena, MIB);
	json_out_init(&o, &b);
	config_write(cli->config, &o);
	return print_outcome(cli, &b);
}

int run_version(struct cli *cli, str input)
{
	struct json_out o;
	struct buf b;

	(void)input;
	buf_init_arena(&b, cli->arena, KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("version"));
	json_put_str(&o, S(BI18N_VERSION));
	json_key(&o, S("commit"));
	json_put_str(&o, S(BI18N_COMMIT));
	json_close_object(&o);
	return print_outcome(cli, &b);
}

/* Restore ----------------------------------------------------------------------------------------
 */

/* Empty but for what an operator may have put there before: bi18n.conf. */
static bool is_empty(struct cli *cli, struct err *e)
{
	const char *path = arena_cstr(cli->arena, cli->data_dir);
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (directory == NULL && errno == ENOENT) {
		if (mkdir(path, 0700) == 0)
			return true;
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	}
	if (directory == NULL)
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	while ((entry = readdir(directory)) != NULL) {
		str name = str_from(entry->d_name);

		if (!str_eq(name, S(".")) && !str_eq(name, S("..")) &&
		    !str_eq(name, S("bi18n.conf")))
			empty = false;
	}
	closedir(directory);
	return empty || err_set(e, ERR_CONFLICT,
				"%s is not empty; a backup is restored into a new data directory "
				"(--data DIR)",
				path);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	(void)remove(path);
	return 0;
}

/* A refused restore leaves the directory as empty as it was, so that another file can be tried. */
static void undo_unpack(struct cli *cli)
{
	static const char *const files[] = { "bi18n.db", "bi18n.db-wal", "bi18n.db-shm", "lock",
						      "bi18n.db.restoring" };
	enum { OPEN_DIRECTORIES = 8 };

	(void)nftw(arena_cstr(cli->arena,
			      arena_printf(cli->arena, FMT_STR "/blob", ARG_STR(cli->data_dir))),
		   remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < COUNT(files); i++)
		(void)unlink(arena_cstr(cli->arena,
					arena_printf(cli->arena, FMT_STR "/%s",
						     ARG_STR(cli->data_dir), files[i])));
}

static bool note_restore(struct db *db, void *arg, struct err *e)
{
	struct act act = runtime_act(arg, db, S("restore"));

	return upkeep_note_restore(&act, e);
}

static bool restore(struct cli *cli, str file, int64_t *bodies, struct err *e)
{
	str key = runtime_key_file(cli->arena, cli->config, cli->data_dir);
	struct runtime *rt;
	bool ok;

	if (access(arena_cstr(cli->arena, key), R_OK) != 0)
		return err_set(e, ERR_PRECONDITION_FAILED,
			       "first put the saved server key at " FMT_STR " (or name it with "
			       "secret_key_file): the backup needs it",
			       ARG_STR(key));
	if (!is_empty(cli, e))
		return false;
	ok = upkeep_unpack(file, cli->data_dir, bodies, e) &&
	     runtime_open(cli->config, cli->data_dir, false, false, &rt, e);
	if (ok) {
		ok = jobs_write(rt->store, note_restore, rt, e);
		runtime_close(rt);
	}
	/* A conflict: somebody else has made a store here meanwhile. */
	if (!ok && e->code != ERR_CONFLICT)
		undo_unpack(cli);
	return ok;
}

int run_restore(struct cli *cli, str input)
{
	struct json_fault fault;
	struct json *given;
	struct json_out o;
	struct buf b;
	struct err e = { 0 };
	int64_t bodies = 0;

	if (!json_parse(cli->arena, input, JSON_DEPTH_DEFAULT, &given, &fault))
		return EXIT_USAGE;
	if (!restore(cli, json_str(json_get(given, S("file"))), &bodies, &e))
		return command_fail(cli, &e);
	fprintf(stderr, "Restored. Whatever was revoked after the backup was made is live again: "
			"check bi18n grant list and key list.\n"
			"Installation tokens, sign-ins and codes have ended; refresh tokens in the "
			"backup go on, those issued after it are refused.\n");
	buf_init_arena(&b, cli->arena, KIB);
	json_out_init(&o, &b);
	json_open_object(&o);
	json_key(&o, S("ok"));
	json_put_bool(&o, true);
	json_key(&o, S("problems"));
	json_open_array(&o);
	json_close_array(&o);
	json_key(&o, S("bodies"));
	json_put_i64(&o, bodies);
	json_close_object(&o);
	return print_outcome(cli, &b);
}
