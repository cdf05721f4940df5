/* SPDX-License-Identifier: MIT
 *
 * Drives libbi18n for the tests beside it: one JSON object a line in ({"do": "token", "owner": ...}), one out
 * ({"code": "OK", "result": ...}). The clock, the allocator and the store are the driver's own, so that a test can
 * move time, let any allocation fail, and end the process at any step. Looks inside (lib_client), for the store. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdatomic.h>

#include "base/json.h"
#include "client/api.h"

/* Real time plus what the test adds to it. */
struct driver_clock {
	atomic_int_fast64_t steady_us, wall_us;
	struct bi18n_clock  clock;
};

/* Counts, fails on demand, and looks for secrets in what it gets back. */
struct driver_allocator {
	atomic_int_fast64_t     live, live_bytes, asked, secrets;
	atomic_int_fast64_t     fail_at;           /* the n-th from now; 0: none */
	atomic_bool             failed;
	struct bi18n_allocator  allocator;
};

/* What happens at a call of a store's function. */
enum hook_act { HOOK_NONE, HOOK_KILL, HOOK_FAIL, HOOK_NOMEM, HOOK_PAUSE };
enum hook_when { HOOK_BEFORE, HOOK_AFTER, HOOK_DURING };
enum store_function { STORE_UPSERT, STORE_FIND, STORE_LIST, STORE_SWAP, STORE_REPLACE, STORE_PUT, STORE_TAKE, STORE_FUNCTIONS };
struct hook {
	enum hook_act       act;
	enum hook_when      when;
	int64_t             number;                /* ms of a pause, µs until a kill within */
	atomic_int_fast64_t left;                  /* fires at the call that makes it 0; below: always */
};

/* A store of the library with a hook at each function. */
struct driver_store {
	struct bi18n_store inner, outer;
	struct hook        hooks[STORE_FUNCTIONS];
	atomic_int_fast64_t calls[STORE_FUNCTIONS];
};

struct driver {
	struct arena           *arena;             /* of one command */
	struct bi18n           *client;
	struct bi18n_error      error;
	struct driver_clock     clock;
	struct driver_allocator memory;
	struct driver_store     store;
};

/* Text of a member; NULL: absent. */
const char *text_of(struct driver *d, const struct json *in, const char *name);
int64_t number_of(const struct json *in, const char *name, int64_t fallback);
bool    flag_of(const struct json *in, const char *name);
void    put_text(struct json_out *o, const char *name, const char *value);
void    put_number(struct json_out *o, const char *name, int64_t value);

struct driver_command {
	str             name;
	bool            needs_client;
	enum bi18n_code (*run)(struct driver *d, const struct json *in, struct json_out *o);
};
/* Of the typed calls; NULL: none of this name. */
const struct driver_command *typed_find(str name);

/* Runs one command: `o` gets its result (a value) where it has one. */
enum bi18n_code command_run(struct driver *d, const struct json *in, struct json_out *o);

void clock_init(struct driver_clock *c);
void memory_init(struct driver_allocator *m);
/* OK, or why the store underneath does not open. */
enum bi18n_code store_open(struct driver *d, const char *url, char why[BI18N_MESSAGE_MAX]);
/* {"function": "swap", "when": "before", "act": "kill", "nth": 1}; false: no such thing. */
bool store_hook(struct driver *d, const struct json *in);

enum bi18n_code hammer_run(struct driver *d, const struct json *in, struct json_out *o);
enum bi18n_code sweep_run(struct driver *d, const struct json *in, struct json_out *o);

#endif
