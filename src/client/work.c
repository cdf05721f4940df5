/* SPDX-License-Identifier: MIT */
#include "client/client_int.h"

#include <stdarg.h>

enum { SLEEP_SLICE_MS = 50, SLEEP_SLICE_CANCEL_MS = 20, NS_PER_MS = 1000000 };

static int64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * SECOND_MS + t.tv_nsec / NS_PER_MS;
}

/* The coarse clock costs a fifth of the exact one but stops while the machine sleeps; how long it slept is
 * looked up once a second. A token handed out within that second of waking up is at worst answered with 401. */
int64_t steady_now(struct bi18n *client)
{
	int64_t now_ms;

	if (!client->fast_clock)
		return client->clock.steady_ms(client->clock.context);
	now_ms = read_ms(CLOCK_MONOTONIC_COARSE);
	if (now_ms - atomic_load_explicit(&client->slept_seen_ms, memory_order_relaxed) >= SECOND_MS) {
		atomic_store_explicit(&client->slept_ms, read_ms(CLOCK_BOOTTIME) - read_ms(CLOCK_MONOTONIC),
		                      memory_order_relaxed);
		atomic_store_explicit(&client->slept_seen_ms, now_ms, memory_order_relaxed);
	}
	return now_ms + atomic_load_explicit(&client->slept_ms, memory_order_relaxed);
}

int64_t wall_now(struct bi18n *client)
{
	return client->clock.wall_ms(client->clock.context);
}

void work_begin(struct work *w, struct bi18n *client, const struct bi18n_call *call, struct bi18n_error *error)
{
	int64_t timeout_ms = call != NULL && call->timeout_ms > 0 ? call->timeout_ms : client->timeout_ms;

	memset(w, 0, offsetof(struct work, near));
	w->client = client;
	w->error = error;
	w->answers = &w->pool;
	pool_init(&w->pool, &client->alloc);
	pool_near(&w->pool, &w->near);
	w->cancel = call == NULL ? NULL : call->cancel;
	w->deadline_ms = steady_now(client) + timeout_ms;
}

static void error_fill(struct bi18n_error *error, const struct fault *fault)
{
	error->code = fault->code;
	error->http_status = fault->http_status;
	error->retry_after_ms = fault->retry_after_ms;
	memcpy(error->required_scope, fault->required, sizeof(error->required_scope));
	memcpy(error->message, fault->message, sizeof(error->message));
	error->authorize_url[0] = '\0';
}

enum bi18n_code work_end(struct work *w)
{
	enum bi18n_code code = w->fault.code;

	if (w->error != NULL)
		error_fill(w->error, &w->fault);
	pool_fini(&w->pool);
	return code;
}

enum bi18n_code work_end_with(struct work *w, struct entry *entry)
{
	struct bi18n_error *error = w->error;
	struct bi18n       *client = w->client;
	char                scope[BI18N_SCOPE_MAX];
	enum bi18n_code     code;

	memcpy(scope, w->fault.required, sizeof(scope));
	code = work_end(w);
	if (entry == NULL)
		return code;
	if (code <= BI18N_TRY_LATER)
		atomic_store_explicit(&entry->state, code, memory_order_relaxed);
	if (error != NULL && (code == BI18N_RECONNECT_REQUIRED || code == BI18N_SCOPE_REQUIRED))
		ready_url(client, entry, code == BI18N_SCOPE_REQUIRED ? scope : "", error->authorize_url);
	return code;
}

void fault_put(struct work *w, enum bi18n_code code, const char *fmt, ...)
{
	va_list arguments;

	w->fault = (struct fault){ .code = code };
	va_start(arguments, fmt);
	vsnprintf(w->fault.message, sizeof(w->fault.message), fmt, arguments);
	va_end(arguments);
}

void fault_put_store(struct work *w, enum bi18n_stored stored)
{
	if (stored == BI18N_STORED_NOMEM)
		fault_put(w, BI18N_ENOMEM, "out of memory");
	else
		fault_put(w, BI18N_ESTORE, "the store cannot be used now");
}

void fault_clear(struct work *w)
{
	w->fault = (struct fault){ 0 };
}

bool work_alive(struct work *w)
{
	if (cancel_asked(w->cancel))
		return fault_set(w, BI18N_ECANCELED, "canceled");
	if (steady_now(w->client) >= w->deadline_ms)
		return fault_set(w, BI18N_TRY_LATER, "no answer within the time for this call");
	return true;
}

bool lease_keep(struct work *w)
{
	struct shared *shared = &w->client->shared;
	int64_t        now_ms = w->lease == NULL ? 0 : read_ms(CLOCK_MONOTONIC);

	if (w->lease == NULL || now_ms < w->lease->renew_ms)
		return true;
	w->lease->renew_ms = now_ms + SHARED_LEASE_MS / 4;
	w->lease->lost = !shared->renew(shared->context, w->lease->key, w->lease->holder);
	return !w->lease->lost;
}

bool work_sleep(struct work *w, int64_t ms)
{
	int64_t until_ms = steady_now(w->client) + ms;
	int64_t slice_ms = w->cancel == NULL ? SLEEP_SLICE_MS : SLEEP_SLICE_CANCEL_MS;

	for (;;) {
		int64_t left_ms = until_ms - steady_now(w->client);

		if (!work_alive(w))
			return false;
		if (left_ms <= 0)
			return true;
		(void)lease_keep(w);
		w->client->clock.sleep_ms(w->client->clock.context, left_ms < slice_ms ? left_ms : slice_ms);
	}
}

int64_t jitter(int64_t max_ms)
{
	uint32_t r;

	if (max_ms <= 0 || !random_bytes(&r, sizeof(r)))
		return 0;
	return (int64_t)(r % (uint64_t)(max_ms + 1));
}
