/* SPDX-License-Identifier: MIT
 *
 * For tests of gate and channels: an env on a fresh store with live credentials, and one request
 * over a socket. */
#ifndef OPERATION_LOOPBACK_TEST_H
#define OPERATION_LOOPBACK_TEST_H

#include "operation/operation.h"

struct bench {
	struct arena         *arena;
	struct settings       settings;
	struct store         *store;
	struct bearers       *bearers;
	struct apps          *apps;
	struct operation_env *env;
	char                  directory[128];
	str                   install;       /* scopes org:read and projects:read                   */
	str                   secret_key;    /* all scopes                                          */
	str                   public_key;
	str                   revoked;       /* of a grant that was revoked                         */
};
struct bench *bench_open(void);
void bench_close(struct bench *b);

struct reply { int status; str head, body; };
/* Sends `request` as it is (one request with Connection: close) and reads to the end. */
struct reply loopback_ask(struct arena *a, int port, str request);
/* Value of a header of the reply; absent if there is none. */
str reply_header(const struct reply *r, str name);

#endif
