/* SPDX-License-Identifier: MIT
 *
 * A platform in memory for the unit tests: a transport that answers as the server does, and can be told to
 * misbehave; a clock that tests move; an allocator that fails when told. */
#ifndef CLIENT_FAKE_TEST_H
#define CLIENT_FAKE_TEST_H

#include "client/client_int.h"

enum { FAKE_FAULTS_MAX = 16 };

/* What happens to the n-th next request whose path contains `path`. */
struct fake_fault {
	const char *path;            /* NULL: none */
	int         skip, times;
	int         status;          /* 0: no answer */
	const char *body, *retry_after;
	bool        carried_out;     /* although the answer is another one */
};

struct fake {
	pthread_mutex_t lock;
	int64_t         steady_ms, wall_ms;
	int             requests, exchanges, refreshes, mints, deletes, calls;
	int             generation;               /* of the refresh token */
	bool            rotating, revoked, narrow;
	int             grant;                    /* grt_<n>; a change re-issues it */
	int             tokens_from;              /* installation tokens below are dead */
	char            last_url[BI18N_URL_MAX], last_authorization[300], last_body[4096];
	struct fake_fault faults[FAKE_FAULTS_MAX];
	void          (*on_request)(struct fake *f, const char *url);

	int             allocations_left;         /* negative: no limit */
	int             blocks;                   /* not given back */
	bool            denied;                   /* an allocation was made to fail */
	char            directory[64], store[96];
};

extern const struct bi18n_key fake_key, fake_other_key;

void fake_begin(struct fake *f);
void fake_end(struct fake *f);
/* A client on it; options may be changed by the caller before. */
struct bi18n_options fake_options(struct fake *f);
enum bi18n_code fake_open(struct fake *f, const struct bi18n_options *options, struct bi18n **out);
struct transport fake_transport(struct fake *f);
/* From authorize URL to callback, for owner "u1". */
enum bi18n_code fake_connect(struct bi18n *client, struct fake *f, struct bi18n_error *error);
void fake_fault_add(struct fake *f, struct fake_fault fault);
/* The store's one value of a column, by way of the sqlite3 library. */
void fake_column(struct fake *f, const char *column, char *out, size_t room);

#endif
