/* SPDX-License-Identifier: MIT */
#include "client/client_int.h"

enum {
	PAUSE_FIRST_MS = 200,
	PAUSE_MAX_MS = 5 * SECOND_MS,
	PAUSE_UNTOLD_MS = 1 * SECOND_MS,          /* 429 without Retry-After */
	RATE_WAITS_MAX = 2
};

const char *answer_error(struct work *w, const struct transport_answer *answer, const char **required_out)
{
	const struct jvalue *v = json_read(&w->pool, answer->body), *error, *data;

	if (v != NULL && v->kind == JARRAY)
		v = v->first;
	error = json_member(v, "error");
	if (required_out != NULL)
		*required_out = json_text_or(v, "required", "");
	if (error == NULL || error->kind != JOBJECT)
		return json_text_or(v, "error", "");
	data = json_member(error, "data");
	if (required_out != NULL)
		*required_out = json_text_or(data, "required", "");
	return json_text_or(data, "error", "");
}

static bool in_secret(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void run_blank(char *p)
{
	for (; in_secret(*p); p++)
		*p = '*';
}

/* A server that repeats what it was sent must not bring a secret into a log. */
static void secrets_blank(const struct bi18n *client, char *text)
{
	static const str prefixes[] = { STR("bi_"), STR("rt_"), STR("bi-") };
	size_t           n = client->client_secret == NULL ? 0 : strlen(client->client_secret);

	for (char *p = text; *p != '\0'; p++) {
		for (size_t i = 0; i < COUNT(prefixes) && (p == text || !in_secret(p[-1])); i++) {
			if (strncmp(p, prefixes[i].p, prefixes[i].n) == 0)
				run_blank(p + prefixes[i].n);
		}
	}
	for (char *p = n == 0 ? NULL : strstr(text, client->client_secret); p != NULL;
	     p = strstr(p + n, client->client_secret))
		memset(p, '*', n);
}

/* What an error of any channel says for people; the body as it stands where it is none that we know. */
static str answer_words(struct work *w, const struct transport_answer *answer)
{
	static const char *const names[] = { "message", "error_description", "error" };
	const struct jvalue     *v = json_read(&w->pool, answer->body), *error;

	if (v != NULL && v->kind == JARRAY)
		v = v->first;
	error = json_member(v, "error");
	if (error != NULL && error->kind == JOBJECT)
		v = error;
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *words = json_text(v, names[i]);

		if (words != NULL && words[0] != '\0')
			return str_from(words);
	}
	return answer->body;
}

/* What the server says for people, without line breaks and secrets, as far as it fits. */
bool fault_answer(struct work *w, const struct transport_answer *answer)
{
	static const struct { int status; enum bi18n_code code; } known[] = {
		{ 403, BI18N_EFORBIDDEN }, { 404, BI18N_ENOTFOUND },
	};
	enum bi18n_code code = BI18N_EREFUSED;
	str             words = answer_words(w, answer);

	for (size_t i = 0; i < COUNT(known); i++) {
		if (answer->status == known[i].status)
			code = known[i].code;
	}
	fault_put(w, code, "answered %d: %.*s", answer->status,
	          (int)(words.n < BI18N_MESSAGE_MAX ? words.n : BI18N_MESSAGE_MAX), words.p);
	for (char *p = w->fault.message; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ')
			*p = ' ';
	}
	secrets_blank(w->client, w->fault.message);
	w->fault.http_status = answer->status;
	return false;
}

static bool fault_status(struct work *w, enum bi18n_code code, const struct transport_answer *answer,
                         int64_t after_ms)
{
	fault_put(w, code, "answered %d", answer->status);
	w->fault.http_status = answer->status;
	w->fault.retry_after_ms = after_ms;
	return false;
}

/* Half of it certain, half random, twice as long each time. */
static int64_t pause_ms(int attempt)
{
	int64_t ms = attempt > 5 ? PAUSE_MAX_MS : (int64_t)PAUSE_FIRST_MS << attempt;

	ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
	return ms / 2 + jitter(ms / 2);
}

static bool fits(struct work *w, int64_t ms)
{
	return ms <= w->client->wait_max_ms && steady_now(w->client) + ms < w->deadline_ms;
}

/* What became of one attempt. */
enum outcome { ANSWERED, BROKEN, AGAIN_AT_ONCE };

static enum outcome send_failed(struct work *w, const struct transport_request *request,
                                enum transport_result result, const char *why)
{
	switch (result) {
	case TRANSPORT_NOMEM: fault_put(w, BI18N_ENOMEM, "out of memory"); return BROKEN;
	case TRANSPORT_CANCELED: fault_put(w, BI18N_ECANCELED, "canceled"); return BROKEN;
	case TRANSPORT_TOO_BIG:
		fault_put(w, BI18N_EPROTOCOL, "an answer of more than %zu bytes", request->answer_bytes_max);
		return BROKEN;
	default:
		fault_put(w, BI18N_TRY_LATER, "%s%s", why,
		          request->repeatable ? "" : "; the request may have been carried out");
		w->fault.retry_after_ms = PAUSE_UNTOLD_MS;
		return request->repeatable ? AGAIN_AT_ONCE : BROKEN;
	}
}

/* An answer that says "not now", or that is none. */
static enum outcome sort_answer(struct work *w, const struct transport_request *request,
                                const struct transport_answer *answer, int64_t *after_ms)
{
	*after_ms = answer->retry_after[0] == '\0' ? -1 :
	            retry_after_ms(answer->retry_after, answer->date, wall_now(w->client));
	if (answer->status == 429) {
		*after_ms = *after_ms < 0 ? PAUSE_UNTOLD_MS : *after_ms;
		fault_status(w, BI18N_RATE_LIMITED, answer, *after_ms);
		return AGAIN_AT_ONCE;              /* it was not carried out, whatever the method */
	}
	if (answer->status >= 500) {
		fault_status(w, BI18N_TRY_LATER, answer, *after_ms < 0 ? PAUSE_UNTOLD_MS : *after_ms);
		return request->repeatable ? AGAIN_AT_ONCE : BROKEN;
	}
	if (answer->status < 200 || (answer->status >= 300 && answer->status < 400 && answer->status != 304)) {
		fault_status(w, BI18N_EPROTOCOL, answer, 0);
		snprintf(w->fault.message, sizeof(w->fault.message), "answered %d: redirects are refused",
		         answer->status);
		return BROKEN;
	}
	return ANSWERED;
}

static void on_wait(void *context)
{
	(void)lease_keep(context);
}

static enum outcome attempt_once(struct work *w, struct transport_request *request,
                                 struct transport_answer *out, int64_t *after_ms)
{
	char                  why[BI18N_MESSAGE_MAX] = "";
	enum transport_result result;
	struct bi18n         *client = w->client;

	*after_ms = -1;
	request->timeout_ms = w->deadline_ms - steady_now(client);
	request->connect_timeout_ms = client->connect_timeout_ms;
	request->cancel = w->cancel;
	request->waiting = w->lease == NULL ? NULL : on_wait;
	request->waiter = w;
	if (request->timeout_ms <= 0)
		request->timeout_ms = 1;
	result = client->transport.send(client->transport.context, request, w->answers, out, why);
	if (result != TRANSPORT_ANSWERED)
		return send_failed(w, request, result, why);
	return sort_answer(w, request, out, after_ms);
}

/* May it be sent again, and after what pause? */
static bool again(struct work *w, int attempt, int *waits, int64_t after_ms, int64_t *pause)
{
	bool limited = w->fault.code == BI18N_RATE_LIMITED;

	if (limited ? ++*waits > RATE_WAITS_MAX : attempt + 1 >= w->client->attempts_max)
		return false;
	if (after_ms >= 0) {
		*pause = after_ms + jitter(after_ms / 10);
		return fits(w, after_ms);
	}
	*pause = pause_ms(attempt);
	return steady_now(w->client) + *pause < w->deadline_ms;
}

bool exchange(struct work *w, struct transport_request *request, struct transport_answer *out)
{
	int waits = 0;

	for (int attempt = 0;; attempt++) {
		int64_t      after_ms, pause;
		enum outcome outcome;

		if (!work_alive(w))
			return false;
		outcome = attempt_once(w, request, out, &after_ms);
		if (outcome == ANSWERED) {
			fault_clear(w);
			return true;
		}
		if (outcome == BROKEN || !again(w, attempt - waits, &waits, after_ms, &pause) || !work_sleep(w, pause))
			return false;
		atomic_fetch_add_explicit(&w->client->counters.retries, 1, memory_order_relaxed);
	}
}
