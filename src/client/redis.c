/* SPDX-License-Identifier: MIT
 *
 * Redis as the shared cache. Every trouble with it reads as "not there": then each process mints for itself. */
#include "client/shared.h"

#include <hiredis.h>
#include <pthread.h>
#include <sys/time.h>

#include "client/pool.h"

enum { HOST_MAX = 256, PASSWORD_MAX = 256, PORT_DEFAULT = 6379, TIMEOUT_US = 500000, QUIET_MS = 5000, DB_MAX = 65535 };

struct redis {
	struct bi18n_allocator alloc;
	pthread_mutex_t        lock;
	redisContext          *connection;
	int64_t                quiet_until_ms;         /* after a failed connect: not again before */
	char                   host[HOST_MAX], password[PASSWORD_MAX];
	int                    port, db;
	bool                   local;                  /* host is a socket's path */
};

/* Removes a key only while it holds what we put there. */
static const char drop_script[] =
	"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

static const char renew_script[] =
	"local h=redis.call('get',KEYS[1]) if h and h~=ARGV[1] then return 0 end"
	" redis.call('set',KEYS[1],ARGV[1],'PX',ARGV[2]) return 1";

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void hang_up(struct redis *r)
{
	if (r->connection != NULL)
		redisFree(r->connection);
	r->connection = NULL;
}

static bool simple(struct redis *r, const char *verb, const char *argument)
{
	redisReply *reply = redisCommand(r->connection, "%s %s", verb, argument);
	bool        ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

	if (reply != NULL)
		freeReplyObject(reply);
	return ok;
}

static bool hello(struct redis *r)
{
	char db[16];

	snprintf(db, sizeof(db), "%d", r->db);
	return (r->password[0] == '\0' || simple(r, "AUTH", r->password)) && (r->db == 0 || simple(r, "SELECT", db));
}

/* Under the lock. */
static bool connected(struct redis *r)
{
	struct timeval limit = { 0, TIMEOUT_US };

	if (r->connection != NULL && r->connection->err == 0)
		return true;
	hang_up(r);
	if (now_ms() < r->quiet_until_ms)
		return false;
	r->connection = r->local ? redisConnectUnixWithTimeout(r->host, limit)
	                         : redisConnectWithTimeout(r->host, r->port, limit);
	if (r->connection != NULL && r->connection->err == 0 &&
	    redisSetTimeout(r->connection, limit) == REDIS_OK && hello(r))
		return true;
	hang_up(r);
	r->quiet_until_ms = now_ms() + QUIET_MS;
	return false;
}

/* NULL: no connection. Free it. */
static redisReply *ask(struct redis *r, int n, const char **words)
{
	redisReply *reply = NULL;

	pthread_mutex_lock(&r->lock);
	/* Once more on a new connection, because an idle one may have been closed. */
	for (int attempt = 0; attempt < 2 && reply == NULL && connected(r); attempt++) {
		reply = redisCommandArgv(r->connection, n, words, NULL);
		if (reply == NULL)
			hang_up(r);
	}
	pthread_mutex_unlock(&r->lock);
	return reply;
}

static bool redis_get(void *context, const char *key, char value[SHARED_VALUE_MAX], int64_t *life_ms)
{
	const char *get[] = { "GET", key }, *ttl[] = { "PTTL", key };
	redisReply *reply = ask(context, COUNT(get), get);
	bool        ok = reply != NULL && reply->type == REDIS_REPLY_STRING && (size_t)reply->len < SHARED_VALUE_MAX;

	if (ok)
		snprintf(value, SHARED_VALUE_MAX, "%s", reply->str);
	if (reply != NULL)
		freeReplyObject(reply);
	if (!ok)
		return false;
	reply = ask(context, COUNT(ttl), ttl);
	ok = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
	if (ok)
		*life_ms = reply->integer;
	if (reply != NULL)
		freeReplyObject(reply);
	return ok;
}

static void redis_set(void *context, const char *key, const char *value, int64_t life_ms)
{
	char        life[24];
	const char *words[] = { "SET", key, value, "PX", life };
	redisReply *reply;

	snprintf(life, sizeof(life), "%lld", (long long)life_ms);
	reply = ask(context, COUNT(words), words);
	if (reply != NULL)
		freeReplyObject(reply);
}

static void redis_drop(void *context, const char *key, const char *value)
{
	const char *words[] = { "EVAL", drop_script, "1", key, value };
	redisReply *reply = ask(context, COUNT(words), words);

	if (reply != NULL)
		freeReplyObject(reply);
}

static bool redis_lock(void *context, const char *key, const char *holder)
{
	char        life[24];
	const char *words[] = { "SET", key, holder, "NX", "PX", life };
	redisReply *reply;
	bool        taken;

	snprintf(life, sizeof(life), "%d", SHARED_LEASE_MS);
	reply = ask(context, COUNT(words), words);
	taken = reply == NULL || reply->type != REDIS_REPLY_NIL;
	if (reply != NULL)
		freeReplyObject(reply);
	return taken;
}

static bool redis_renew(void *context, const char *key, const char *holder)
{
	char        life[24];
	const char *words[] = { "EVAL", renew_script, "1", key, holder, life };
	redisReply *reply;
	bool        lost;

	snprintf(life, sizeof(life), "%d", SHARED_LEASE_MS);
	reply = ask(context, COUNT(words), words);
	lost = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
	if (reply != NULL)
		freeReplyObject(reply);
	return !lost;
}

static void redis_close(void *context)
{
	struct redis          *r = context;
	struct bi18n_allocator alloc = r->alloc;

	hang_up(r);
	pthread_mutex_destroy(&r->lock);
	plain_free(&alloc, r, sizeof(*r));
}

static bool copy_part(char *to, size_t room, str part)
{
	if (part.n >= room)
		return false;
	memcpy(to, part.p, part.n);
	to[part.n] = '\0';
	return part.n > 0;
}

/* [:PASSWORD@]HOST[:PORT][/DB] */
static bool address_read(struct redis *r, str s)
{
	ptrdiff_t at = str_index(s, '@'), slash, colon;
	int64_t   number;

	if (at >= 0) {
		str user = str_sub(s, 0, (size_t)at), name;

		if (!str_cut(&user, ':', &name) || user.p == NULL || !copy_part(r->password, PASSWORD_MAX, user))
			return false;
		s = str_from_at(s, (size_t)at + 1);
	}
	slash = str_index(s, '/');
	if (slash >= 0) {
		if (!str_i64(str_from_at(s, (size_t)slash + 1), 0, DB_MAX, &number))
			return false;
		r->db = (int)number;
		s = str_sub(s, 0, (size_t)slash);
	}
	colon = str_index(s, ':');
	r->port = PORT_DEFAULT;
	if (colon >= 0) {
		if (!str_i64(str_from_at(s, (size_t)colon + 1), 1, 65535, &number))
			return false;
		r->port = (int)number;
		s = str_sub(s, 0, (size_t)colon);
	}
	return copy_part(r->host, HOST_MAX, s);
}

static bool url_read(struct redis *r, str url)
{
	if (str_starts(url, S("unix:"))) {
		r->local = true;
		return copy_part(r->host, HOST_MAX, str_from_at(url, S("unix:").n));
	}
	return str_starts(url, S("redis://")) && address_read(r, str_from_at(url, S("redis://").n));
}

enum bi18n_code redis_open(const char *url, const struct bi18n_allocator *alloc, struct shared *out)
{
	struct redis *r = plain_alloc(alloc, sizeof(*r));

	if (r == NULL)
		return BI18N_ENOMEM;
	if (!url_read(r, str_from(url))) {
		plain_free(alloc, r, sizeof(*r));
		return BI18N_EINVAL;
	}
	r->alloc = *alloc;
	pthread_mutex_init(&r->lock, NULL);
	*out = (struct shared){
		r, redis_get, redis_set, redis_drop, redis_lock, redis_renew, redis_drop, redis_close,
	};
	return BI18N_OK;
}
