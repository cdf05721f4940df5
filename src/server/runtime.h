/* SPDX-License-Identifier: MIT
 *
 * Everything that a store needs around it to carry out operations: key, live tokens, apps,
 * snapshots, pools. Made by `serve` for its whole life and by commands for one call. */
#ifndef SERVER_RUNTIME_H
#define SERVER_RUNTIME_H

#include "access/act.h"
#include "base/config.h"
#include "base/err.h"
#include "server/command.h"

struct operation_env;

struct runtime {
	struct arena         *arena;
	struct config        *config;
	str                   data_dir;
	struct settings       settings;
	struct store         *store;
	struct bearers       *bearers;
	struct apps          *apps;
	struct publisher     *publisher;
	struct jobs          *jobs;
	struct blobs         *blobs;
	struct operation_env *env;
};

/* Opens (create: makes) the store of the settings. ERR_NOT_FOUND: there is none and create is
 * false; ERR_CONFLICT: another process has it; ERR_PRECONDITION_FAILED: the server key is missing
 * or not the store's. serving: with the background work of a server. */
bool runtime_open(struct config *config, str data_dir, bool create, bool serving, struct runtime **out,
                  struct err *e) MUST_CHECK;
/* The same for the command line. Who has the store may be a command, which is over soon, or a server
 * that is about to listen or to end: it is waited for, then ERR_UNAVAILABLE. ERR_CONFLICT: a server
 * has it and answers. */
bool runtime_await(struct cli *cli, bool create, bool serving, struct runtime **out,
                   struct err *e) MUST_CHECK;
/* The store and its key, while no other process has the store (ERR_CONFLICT). */
bool runtime_open_alone(struct cli *cli, struct runtime **out, struct err *e) MUST_CHECK;
/* The operator at work on the store itself, in the write task of `db`. */
struct act runtime_act(struct runtime *rt, struct db *db, str request_id);
const char *runtime_socket(struct cli *cli);
bool runtime_is_served(struct cli *cli);             /* a server answers on that socket */
void runtime_close(struct runtime *rt);              /* NULL is fine */
/* The one of this command, opened at first use and kept until the process ends. */
bool runtime_for(struct cli *cli, struct operation_env **env_out, struct err *e) MUST_CHECK;
str  runtime_key_file(struct arena *a, const struct config *config, str data_dir);

#endif
