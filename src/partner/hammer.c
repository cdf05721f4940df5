/* SPDX-License-Identifier: MIT
 *
 * hammer: many threads and processes call through the library, and what it cost is counted. */
#include "partner/partner.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { CODES_MAX = 64, PROCESSES_MAX = 64 };
#define PATH_DEFAULT "/api/oauth-client/me"

/* Of one process; travels through a pipe as it is. */
struct tally {
	uint64_t calls, mints, refreshes, retries, errors;
	uint64_t by_code[CODES_MAX];
	struct bi18n_error first; /* error */
	int exit_code;		  /* of a process that could not start */
};

struct hammer {
	struct partner *p;
	const char *owner;
	atomic_int_least64_t left;
	pthread_mutex_t lock;
	struct tally tally;
};

static void count_one(struct tally *t, enum bi18n_code code, const struct bi18n_error *error)
{
	t->calls++;
	t->by_code[(unsigned)code % CODES_MAX]++;
	if (code == BI18N_OK)
		return;
	if (t->errors++ == 0)
		t->first = *error;
}

static void tally_add(struct tally *all, const struct tally *t)
{
	all->calls += t->calls;
	all->mints += t->mints;
	all->refreshes += t->refreshes;
	all->retries += t->retries;
	for (size_t i = 0; i < CODES_MAX; i++)
		all->by_code[i] += t->by_code[i];
	if (all->errors == 0)
		all->first = t->first;
	all->errors += t->errors;
	if (t->exit_code != EXIT_DONE)
		all->exit_code = t->exit_code;
}

static void *hammer_thread(void *argument)
{
	struct hammer *h = argument;
	const char *path = h->p->options->path;
	const struct bi18n_request request = { .method = "GET",
					       .path = path == NULL ? PATH_DEFAULT : path };
	struct tally own = { 0 };

	while (atomic_fetch_sub(&h->left, 1) > 0) {
		struct bi18n_answer *answer;
		struct bi18n_error error;
		enum bi18n_code code =
			bi18n_request(h->p->client, h->owner, h->p->options->organization, &request,
				      NULL, &answer, &error);

		if (code == BI18N_OK)
			bi18n_free(answer);
		count_one(&own, code, &error);
	}
	pthread_mutex_lock(&h->lock);
	tally_add(&h->tally, &own);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static bool threads_run(struct hammer *h)
{
	size_t n = (size_t)h->p->options->threads, started = 0;
	pthread_t *threads = arena_array(h->p->arena, pthread_t, n);

	while (started < n && pthread_create(&threads[started], NULL, hammer_thread, h) == 0)
		started++;
	if (started < n)
		atomic_store(&h->left, 0);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return started == n;
}

/* One process with a client of its own: `calls` of them. */
static struct tally process_run(struct partner *p, int64_t calls)
{
	struct hammer h = { .p = p };
	struct bi18n_stats stats;

	if (!partner_open(p, NULL, &h.tally.exit_code))
		return h.tally;
	h.owner = partner_owner(p, &h.tally.exit_code);
	if (h.owner == NULL)
		return h.tally;
	pthread_mutex_init(&h.lock, NULL);
	atomic_store(&h.left, calls);
	if (!threads_run(&h))
		h.tally.exit_code =
			partner_usage("cannot start %lld threads", (long long)p->options->threads);
	bi18n_stats(p->client, &stats);
	h.tally.mints = stats.mints;
	h.tally.refreshes = stats.refreshes;
	h.tally.retries = stats.retries;
	pthread_mutex_destroy(&h.lock);
	return h.tally;
}

/* Processes
 * ----------------------------------------------------------------------------------------- */

static _Noreturn void child_run(struct partner *p, int64_t calls, int pipe_fd)
{
	struct tally t = process_run(p, calls);
	const char *from = (const char *)&t;
	size_t n = sizeof(t);

	bi18n_close(&p->client);
	while (n > 0) {
		ssize_t written = write(pipe_fd, from, n);

		if (written < 0 && errno != EINTR)
			_exit(EXIT_AWAY);
		from += written > 0 ? written : 0;
		n -= written > 0 ? (size_t)written : 0;
	}
	_exit(EXIT_DONE);
}

static bool read_all(int fd, struct tally *t)
{
	size_t n = 0;

	while (n < sizeof(*t)) {
		ssize_t got = read(fd, (char *)t + n, sizeof(*t) - n);

		if (got == 0 || (got < 0 && errno != EINTR))
			return false;
		n += got > 0 ? (size_t)got : 0;
	}
	return true;
}

/* Starts child i, whose tally comes out of the fd returned; -1: it could not be started. */
static int child_start(struct partner *p, int64_t calls, pid_t *pid_out)
{
	int ends[2];

	if (pipe(ends) != 0)
		return -1;
	*pid_out = fork();
	if (*pid_out == 0) {
		close(ends[0]);
		child_run(p, calls, ends[1]);
	}
	close(ends[1]);
	if (*pid_out > 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* Forks before any client exists: nothing of the library crosses a fork. */
static struct tally processes_run(struct partner *p)
{
	int64_t n = p->options->processes, calls = p->options->calls;
	struct tally all = { 0 }, one;
	pid_t pids[PROCESSES_MAX];
	int fds[PROCESSES_MAX];

	for (int64_t i = 0; i < n; i++)
		fds[i] = child_start(p, calls / n + (i < calls % n ? 1 : 0), &pids[i]);
	for (int64_t i = 0; i < n; i++) {
		if (fds[i] < 0 || !read_all(fds[i], &one))
			all.exit_code =
				partner_usage("process %lld did not end well", (long long)i + 1);
		else
			tally_add(&all, &one);
		if (fds[i] < 0)
			continue;
		close(fds[i]);
		waitpid(pids[i], NULL, 0);
	}
	return all;
}

static void print_tally(const struct partner *p, const struct tally *t, int64_t elapsed_ms)
{
	const struct {
		const char *name;
		int64_t value;
	} members[] = {
		{ "calls", (int64_t)t->calls },		{ "mints", (int64_t)t->mints },
		{ "refreshes", (int64_t)t->refreshes }, { "retries", (int64_t)t->retries },
		{ "errors", (int64_t)t->errors },	{ "elapsedMs", elapsed_ms },
	};
	struct print print;

	print_begin(&print);
	json_open_object(&print.out);
	for (size_t i = 0; i < COUNT(members); i++) {
		print_number(&print, members[i].name, members[i].value);
		if (!p->options->json)
			printf("%-10s %lld\n", members[i].name, (long long)members[i].value);
	}
	json_key(&print.out, S("byCode"));
	json_open_object(&print.out);
	for (unsigned i = 1; i < CODES_MAX; i++) {
		if (t->by_code[i] == 0)
			continue;
		print_number(&print, bi18n_code_name((enum bi18n_code)i), (int64_t)t->by_code[i]);
		if (!p->options->json)
			printf("  %s %llu\n", bi18n_code_name((enum bi18n_code)i),
			       (unsigned long long)t->by_code[i]);
	}
	json_close_object(&print.out);
	json_close_object(&print.out);
	if (p->options->json)
		print_end(&print);
	else
		buf_fini(&print.buf);
}

/* What calls met is in the counts; only a run without a single success is a failure of the command.
 */
int hammer_command(struct partner *p)
{
	int64_t started_ms = clock_mono_ms();
	struct tally t =
		p->options->processes > 1 ? processes_run(p) : process_run(p, p->options->calls);

	if (t.exit_code != EXIT_DONE)
		return t.exit_code;
	print_tally(p, &t, clock_mono_ms() - started_ms);
	if (t.errors < t.calls || t.errors == 0)
		return EXIT_DONE;
	return p->options->json ? partner_complain(&t.first)
				: partner_fail(p, p->options->owner, &t.first);
}
