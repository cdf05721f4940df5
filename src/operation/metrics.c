/* SPDX-License-Identifier: MIT
 *
 * Counters as Prometheus text. Names are stable: dashboards and alerts depend on them. */
#include "access/bearer.h"
#include "operation/operation_int.h"

static const struct { int64_t ns; const char *seconds; } bounds[LATENCY_BUCKETS] = {
	{ 100 * 1000, "0.0001" },          { 500 * 1000, "0.0005" },
	{ 1000 * 1000, "0.001" },          { 5 * 1000 * 1000, "0.005" },
	{ 10 * 1000 * 1000, "0.01" },      { 50 * 1000 * 1000, "0.05" },
	{ 100 * 1000 * 1000, "0.1" },      { 500 * 1000 * 1000, "0.5" },
	{ 2500LL * 1000 * 1000, "2.5" },   { 10LL * 1000 * 1000 * 1000, "10" },
};
static const char *const outcome_names[OUTCOME_COUNT] = { "ok", "refused", "failed" };

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void operation_count(struct operation_env *env, const struct operation *op, bool ok, const struct err *e, int64_t ns)
{
	struct operation_stats *s = &env->stats[op - env->rows];
	enum outcome outcome = OUTCOME_OK;

	if (!ok)
		outcome = err_status(e->code) >= 500 ? OUTCOME_FAILED : OUTCOME_REFUSED;
	add(&s->outcomes[outcome], 1);
	add(&s->total_ns, (uint64_t)ns);
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		if (ns <= bounds[i].ns) {
			add(&s->buckets[i], 1);
			break;
		}
	}
}

static uint64_t calls(const struct operation_stats *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		n += get(&s->outcomes[i]);
	return n;
}

static void write_outcomes(const struct operation_env *env, struct buf *b)
{
	BUF_LIT(b, "# HELP bi18n_operations_total Calls of operations by outcome.\n"
	           "# TYPE bi18n_operations_total counter\n");
	for (size_t row = 0; row < env->rows_n; row++) {
		for (size_t i = 0; i < OUTCOME_COUNT; i++) {
			uint64_t n = get(&env->stats[row].outcomes[i]);

			if (n > 0)
				buf_printf(b, "bi18n_operations_total{operation=\"%s\",outcome=\"%s\"} %llu\n",
				           env->rows[row].name, outcome_names[i], (unsigned long long)n);
		}
	}
}

static void write_latency(const struct operation_env *env, size_t row, struct buf *b)
{
	const struct operation_stats *s = &env->stats[row];
	const char *name = env->rows[row].name;
	unsigned long long seen = 0, n = calls(s);

	if (n == 0)
		return;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += get(&s->buckets[i]);
		buf_printf(b, "bi18n_operation_seconds_bucket{operation=\"%s\",le=\"%s\"} %llu\n", name,
		           bounds[i].seconds, seen);
	}
	buf_printf(b, "bi18n_operation_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n", name, n);
	buf_printf(b, "bi18n_operation_seconds_sum{operation=\"%s\"} %.6f\n", name, (double)get(&s->total_ns) / 1e9);
	buf_printf(b, "bi18n_operation_seconds_count{operation=\"%s\"} %llu\n", name, n);
}

static void gauge(struct buf *b, const char *name, const char *type, const char *help, uint64_t value)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
	           (unsigned long long)value);
}

static void write_store(const struct operation_env *env, struct buf *b)
{
	struct store_stats s;

	if (env->config.store == NULL)
		return;
	store_stats(env->config.store, &s);
	gauge(b, "bi18n_store_ready", "gauge", "1 while the store takes writes.", operation_ready(env) ? 1 : 0);
	gauge(b, "bi18n_store_commits_total", "counter", "Commits of the write lane.", s.commits);
	gauge(b, "bi18n_store_tasks_total", "counter", "Write tasks carried out.", s.tasks);
	gauge(b, "bi18n_store_failed_total", "counter", "Write tasks that failed.", s.failed);
	gauge(b, "bi18n_store_queue", "gauge", "Write tasks waiting.", s.queue);
}

static void write_bearers(const struct operation_env *env, struct buf *b)
{
	struct bearers_counts n;

	if (env->config.bearers == NULL)
		return;
	bearers_count(env->config.bearers, &n);
	gauge(b, "bi18n_live_grants", "gauge", "Grants in memory.", n.grants);
	gauge(b, "bi18n_live_installation_tokens", "gauge", "Installation tokens in memory.", n.tokens);
	gauge(b, "bi18n_live_refresh_families", "gauge", "Refresh families in memory.", n.families);
	gauge(b, "bi18n_live_keys", "gauge", "Organization keys in memory.", n.keys);
	gauge(b, "bi18n_live_sessions", "gauge", "Sessions in memory.", n.sessions);
}

void operation_metrics(const struct operation_env *env, struct buf *b)
{
	write_outcomes(env, b);
	BUF_LIT(b, "# HELP bi18n_operation_seconds Time from start to answer.\n"
	           "# TYPE bi18n_operation_seconds histogram\n");
	for (size_t row = 0; row < env->rows_n; row++)
		write_latency(env, row, b);
	write_store(env, b);
	write_bearers(env, b);
	gauge(b, "bi18n_audits_dropped_total", "counter", "Refusals that were not audited: the write lane was full.",
	      get(&env->audits_dropped));
}
