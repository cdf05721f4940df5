/* SPDX-License-Identifier: MIT */
#include "server/runtime.h"

#include "access/apps.h"
#include "access/bearer.h"
#include "base/clock.h"
#include "blob/blob.h"
#include "cdn/cdn.h"
#include "crypto/crypto.h"
#include "jobs/jobs.h"
#include "operation/operation.h"
#include "publish/publisher.h"
#include "server/key.h"
#include "server/settings.h"
#include "store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	RUNTIME_ARENA_BYTES = 64 * 1024,
	JOB_THREADS = 2,
	STORE_WAIT_MS = 10000,
	STORE_PAUSE_MS = 20
};

str runtime_key_file(struct arena *a, const struct config *config, str data_dir)
{
	str named = config_str(config, SETTING_secret_key_file);

	return named.n > 0 ? named : arena_printf(a, FMT_STR ".key", ARG_STR(data_dir));
}

static str database_file(struct runtime *rt)
{
	return arena_printf(rt->arena, FMT_STR "/bi18n.db", ARG_STR(rt->data_dir));
}

static bool is_postgres(const struct runtime *rt)
{
	str database = config_str(rt->config, SETTING_database);

	return str_starts(database, S("postgres://")) || str_starts(database, S("postgresql://"));
}

static bool open_store(struct runtime *rt, bool create, bool alone, struct err *e)
{
	str directory = rt->data_dir;
	struct store_config c = {
		.database = config_str(rt->config, SETTING_database),
		.data_dir = directory,
		.readers = (unsigned)config_i64(rt->config, SETTING_store_readers),
		.queue_max = (size_t)config_i64(rt->config, SETTING_store_queue_max),
		.batch_tasks_max = config_i64(rt->config, SETTING_store_batch_tasks_max),
		.batch_ms_max = config_i64(rt->config, SETTING_store_batch_ms_max),
		.create = create,
		.alone = alone,
	};

	if (!create && !is_postgres(rt) &&
	    access(arena_cstr(rt->arena, database_file(rt)), F_OK) != 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND,
			       "there is no store in " FMT_STR
			       "; make one with: bi18n --data " FMT_STR " init",
			       ARG_STR(directory), ARG_STR(directory));
	return store_open(&c, &rt->store, e);
}

/* The rest ----------------------------------------------------------------------------------------
 */

static bool open_memory(struct runtime *rt, struct err *e)
{
	rt->bearers = bearers_create(&rt->settings);
	rt->apps = apps_create();
	return bearers_load(rt->bearers, rt->store, clock_now_ms(), e) &&
	       apps_load(rt->apps, rt->store, e);
}

static bool open_publisher(struct runtime *rt, bool serving, struct err *e)
{
	str directory = arena_printf(rt->arena, FMT_STR "/blob", ARG_STR(rt->data_dir));

	if (!blobs_open(directory, &rt->blobs, e))
		return false;
	rt->jobs = jobs_create(&(struct jobs_config){ .store = rt->store, .threads = JOB_THREADS });
	rt->publisher = publisher_create(&(struct publisher_config){
		.store = rt->store,
		.blobs = rt->blobs,
		.jobs = rt->jobs,
		.settings = &rt->settings,
		.memory_bytes_max = (size_t)config_i64(rt->config, SETTING_cdn_memory_bytes_max),
		.snapshots_kept = config_i64(rt->config, SETTING_snapshots_kept),
		.snapshots_kept_days = config_i64(rt->config, SETTING_snapshots_kept_days),
		.head = cdn_head,
		.quiet = !serving });
	return publisher_start(rt->publisher, e) && jobs_start(rt->jobs, e);
}

static void open_operations(struct runtime *rt)
{
	rt->env = operation_env_create(&(struct operation_config){
		.store = rt->store,
		.bearers = rt->bearers,
		.apps = rt->apps,
		.settings = &rt->settings,
		.publisher = rt->publisher,
		.jobs = rt->jobs,
		.operator_token = config_str(rt->config, SETTING_metrics_token),
		.read_threads = (unsigned)config_i64(rt->config, SETTING_store_readers),
		.slow_threads = (unsigned)config_i64(rt->config, SETTING_slow_threads),
		.queue_max = (size_t)config_i64(rt->config, SETTING_slow_queue_max) });
}

static struct runtime *runtime_make(struct config *config, str data_dir, struct err *e)
{
	struct runtime *rt = calloc(1, sizeof(*rt));

	if (rt == NULL) {
		(void)err_log(e, ERR_UNAVAILABLE, ENOMEM, "memory");
		return NULL;
	}
	rt->arena = arena_create(RUNTIME_ARENA_BYTES);
	rt->config = config;
	rt->data_dir = arena_str(rt->arena, data_dir);
	settings_for_rules(rt->arena, config, &rt->settings);
	return rt;
}

bool runtime_open_alone(struct cli *cli, struct runtime **out, struct err *e)
{
	struct runtime *rt = runtime_make(cli->config, cli->data_dir, e);

	if (rt == NULL)
		return false;
	if (!open_store(rt, false, true, e) || !key_take(rt, e)) {
		runtime_close(rt);
		return false;
	}
	*out = rt;
	return true;
}

bool runtime_open(struct config *config, str data_dir, bool create, bool serving,
		  struct runtime **out, struct err *e)
{
	struct runtime *rt = runtime_make(config, data_dir, e);

	if (rt == NULL)
		return false;
	if (!open_store(rt, create, false, e) || !key_take(rt, e) || !open_memory(rt, e) ||
	    !open_publisher(rt, serving, e)) {
		runtime_close(rt);
		return false;
	}
	open_operations(rt);
	*out = rt;
	return true;
}

void runtime_close(struct runtime *rt)
{
	if (rt == NULL)
		return;
	jobs_stop(rt->jobs);                    /* calls that wait for a job go on and end */
	operation_env_destroy(rt->env);
	publisher_destroy(rt->publisher);
	jobs_destroy(rt->jobs);
	blobs_close(&rt->blobs);
	store_close(rt->store);
	apps_destroy(rt->apps);
	bearers_destroy(rt->bearers);
	wipe(rt->settings.server_key, sizeof(rt->settings.server_key));
	arena_destroy(rt->arena);
	free(rt);
}

struct act runtime_act(struct runtime *rt, struct db *db, str request_id)
{
	static const struct principal operator= { .kind = WHO_LOCAL };

	return (struct act){ .store = rt->store,
			     .db = db,
			     .bearers = rt->bearers,
			     .apps = rt->apps,
			     .arena = rt->arena,
			     .who = &operator,
			     .settings = &rt->settings,
			     .now_ms = clock_now_ms(),
			     .request_id = request_id,
			     .address = S("local"),
			     .user_agent = S("") };
}

/* Commands that begin a store make one where there is none; the others say that there is none. */
static bool creates(const struct command *c)
{
	static const char *const words[] = { "init", "demo", "user add" };

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i], c->words) == 0)
			return true;
	}
	return false;
}

const char *runtime_socket(struct cli *cli)
{
	return arena_cstr(cli->arena, arena_printf(cli->arena, FMT_STR "/control.sock",
						   ARG_STR(cli->data_dir)));
}

bool runtime_is_served(struct cli *cli)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = runtime_socket(cli);
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return rc == 0;
}

bool runtime_await(struct cli *cli, bool create, bool serving, struct runtime **out, struct err *e)
{
	int64_t until = clock_mono_ms() + STORE_WAIT_MS;

	while (!runtime_open(cli->config, cli->data_dir, create, serving, out, e)) {
		bool held = e->code == ERR_CONFLICT && e->sys == EWOULDBLOCK;

		if (!held || runtime_is_served(cli))
			return false;
		if (clock_mono_ms() > until) {
			e->code = ERR_UNAVAILABLE;
			return false;
		}
		usleep(STORE_PAUSE_MS * 1000);
	}
	*e = (struct err){ 0 };
	return true;
}

bool runtime_for(struct cli *cli, struct operation_env **env_out, struct err *e)
{
	if (cli->runtime == NULL &&
	    !runtime_await(cli, creates(cli->command), false, &cli->runtime, e))
		return false;
	*env_out = cli->runtime->env;
	return true;
}
