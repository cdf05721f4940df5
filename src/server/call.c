/* SPDX-License-Identifier: MIT
 *
 * Runs one operation for the command line: inside the server when one holds the store, else in this
 * process. */
#include "server/command.h"
#include "server/runtime.h"

#include "base/clock.h"
#include "base/field.h"
#include "operation/operation.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 1024 * 1024 * 1024, CALL_TIMEOUT_S = 3600 };

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_str(b, (str){ bytes, size * n });
	return b->full ? 0 : size * n;
}

/* The server's {ok, result | error …} as a result or an err. */
static bool read_answer(struct cli *cli, str text, const struct json **result, struct err *e)
{
	struct json_fault fault;
	struct json *v;
	str name, said;

	if (!json_parse(cli->arena, text, JSON_DEPTH_DEFAULT, &v, &fault))
		return err_set(e, ERR_UNAVAILABLE, "the server's answer is not understood (%s)",
			       fault.what);
	if (json_is_true(json_get(v, S("ok")))) {
		*result = json_get(v, S("result"));
		return true;
	}
	name = json_str(json_get(v, S("error")));
	said = json_str(json_get(v, S("description")));
	for (int code = 1; code < ERR_COUNT; code++) {
		if (str_eq(err_name((enum err_code)code), name))
			return err_set(e, (enum err_code)code, FMT_STR, ARG_STR(said));
	}
	return err_set(e, ERR_INTERNAL, FMT_STR, ARG_STR(said));
}

static bool call_server(struct cli *cli, str operation, str input, const struct json **result,
			struct err *e)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct buf body;
	CURLcode rc;

	buf_init_arena(&body, cli->arena, ANSWER_BYTES_MAX);
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, runtime_socket(cli));
	curl_easy_setopt(
		curl, CURLOPT_URL,
		arena_cstr(cli->arena, arena_printf(cli->arena, "http://localhost/op/" FMT_STR,
						    ARG_STR(operation))));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, input.p);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)input.n);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
	rc = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (rc != CURLE_OK)
		return err_set(e, ERR_UNAVAILABLE, "the running server did not answer: %s",
			       curl_easy_strerror(rc));
	return read_answer(cli, buf_view(&body), result, e);
}

struct waiter {
	struct operation_call call; /* first: done() casts back */
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done, ok;
	struct err err;
};

static void call_done(struct operation_call *c, bool ok, const struct err *e)
{
	struct waiter *w = (struct waiter *)c;

	pthread_mutex_lock(&w->lock);
	w->ok = ok;
	if (!ok)
		w->err = *e;
	w->done = true;
	pthread_cond_signal(&w->over);
	pthread_mutex_unlock(&w->lock);
}

static bool result_json(struct cli *cli, const struct operation_call *c, const struct json **result,
			struct err *e)
{
	struct json_fault fault;
	struct json_out o;
	struct json *v;
	struct buf b;

	buf_init_arena(&b, cli->arena, ANSWER_BYTES_MAX);
	json_out_init(&o, &b);
	fields_write(&o, c->op->out, c->out, FIELDS_UNBATCHED);
	if (b.full || !json_parse(cli->arena, buf_view(&b), JSON_DEPTH_DEFAULT, &v, &fault))
		return err_log(e, ERR_INTERNAL, 0, "result of %s", c->op->name);
	*result = v;
	return true;
}

static bool call_here(struct cli *cli, str operation, str input, const struct json **result,
		      struct err *e)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER };
	struct principal who = { .kind = WHO_LOCAL, .scopes = SCOPE_ALL };
	struct json_fault fault;
	struct json *v;

	if (!runtime_for(cli, &w.call.env, e))
		return false;
	w.call.op = operation_find(operation);
	w.call.arena = cli->arena;
	w.call.who = &who;
	w.call.now_ms = clock_now_ms();
	w.call.request_id = S("command");
	w.call.address = S("local");
	w.call.done = call_done;
	if (w.call.op == NULL)
		return err_set(e, ERR_NOT_FOUND, "there is no operation " FMT_STR,
			       ARG_STR(operation));
	if (!json_parse(cli->arena, input, JSON_DEPTH_DEFAULT, &v, &fault))
		return err_set(e, ERR_INVALID_REQUEST, "input: %s", fault.what);
	if (!operation_read_input(&w.call, v, e))
		return false;
	operation_start(&w.call);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.over, &w.lock);
	pthread_mutex_unlock(&w.lock);
	*e = w.err;
	return w.ok && result_json(cli, &w.call, result, e);
}

bool command_call(struct cli *cli, str operation, str input, const struct json **result,
		  struct err *e)
{
	struct operation_env *env;
	bool served = cli->runtime == NULL && runtime_is_served(cli);

	if (!served && !runtime_for(cli, &env, e)) {
		served = runtime_is_served(cli);
		if (!served)
			return false;
	}
	return served ? call_server(cli, operation, input, result, e)
		      : call_here(cli, operation, input, result, e);
}

int command_fail(struct cli *cli, const struct err *e)
{
	str said = e->say[0] != '\0' ? str_from(e->say) : err_name(e->code);
	bool more = e->msg[0] != '\0' && strcmp(e->msg, e->say) != 0;

	if (cli->json) {
		struct json_out o;
		struct buf b;

		buf_init_arena(&b, cli->arena, MIB);
		json_out_init(&o, &b);
		json_open_object(&o);
		json_key(&o, S("error"));
		json_put_str(&o, err_name(e->code));
		json_key(&o, S("description"));
		json_put_str(&o, said);
		json_close_object(&o);
		printf(FMT_STR "\n", ARG_STR(buf_view(&b)));
	}
	fprintf(stderr, "bi18n %s: " FMT_STR "%s%s%s\n", cli->command->words, ARG_STR(said),
		more ? " (" : "", more ? e->msg : "", more ? ")" : "");
	return command_exit_code(e->code);
}

int command_finish(struct cli *cli, str operation, str input)
{
	const struct json *result;
	struct err e = { 0 };

	if (!command_call(cli, operation, input, &result, &e))
		return command_fail(cli, &e);
	/* Lists come wrapped in an object with one member; scripts get the list itself. */
	if (result->kind == JSON_OBJECT && result->count == 1 && result->first->kind == JSON_ARRAY)
		result = result->first;
	if (cli->json)
		print_json(result);
	else
		print_result(result);
	return EXIT_DONE;
}
