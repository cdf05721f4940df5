/* SPDX-License-Identifier: MIT
 *
 * One request of one or many calls. Queries run side by side; mutations take effect in the order
 * of their positions. Each call of a batch has its own arena, because calls run on different
 * threads; the last one to end joins the answers.
 * Source: contract "platform-api" sections 5.3, 5.4. */
#include "rpc/rpc_int.h"

#include "base/text.h"

struct batch;

struct item {
	struct operation_call   op;               /* first: operation_call * is item *            */
	struct batch           *batch;
	const struct procedure *procedure;        /* NULL: there is none of this name             */
	const struct operation *operation;
	str                     path, element;    /* element: its answer as JSON                  */
	const struct json      *input;
	bool                    ok;
	struct err              err;
	_Atomic bool            met;              /* of the two that step the chain: see below    */
};

struct batch {
	struct http_exchange *x;
	const struct rpc     *rpc;
	struct rpc_plan       plan;
	struct item          *items;
	size_t                items_n, next;      /* next: of a chain                             */
	bool                  chained;
	struct principal      who;
	bool                  known;              /* who is; else who_err says why not            */
	struct err            who_err;
	_Atomic size_t        open;               /* items unfinished, and one for the starter    */
};

/* ---- the answer ---- */

static int overall_status(const struct batch *b)
{
	int status = b->items[0].ok ? 200 : rpc_status(&b->items[0].err);

	for (size_t i = 1; i < b->items_n; i++) {
		if ((b->items[i].ok ? 200 : rpc_status(&b->items[i].err)) != status)
			return 207;
	}
	return status;
}

static str join_elements(const struct batch *b, struct arena *a)
{
	size_t bytes = 2;
	struct buf out;

	if (!b->plan.batch)
		return b->items[0].element;
	for (size_t i = 0; i < b->items_n; i++)
		bytes += b->items[i].element.n + 1;
	buf_init_arena(&out, a, bytes);
	(void)buf_reserve(&out, bytes);
	buf_char(&out, '[');
	for (size_t i = 0; i < b->items_n; i++) {
		if (i > 0)
			buf_char(&out, ',');
		buf_str(&out, b->items[i].element);
	}
	buf_char(&out, ']');
	return buf_view(&out);
}

static void batch_send(struct batch *b)
{
	struct arena *a = http_arena(b->x);
	str body = join_elements(b, a);
	const struct operation_call *last = &b->items[0].op;
	struct rpc_extra extra = { 0 };
	int status = overall_status(b);

	for (size_t i = 0; i < b->items_n; i++) {
		const struct item *it = &b->items[i];

		if (!it->ok && it->err.retry_after_s > extra.retry_after_s)
			extra.retry_after_s = it->err.retry_after_s;
		if (it->op.left.max > 0 && (last->left.max == 0 || it->op.left.left < last->left.left))
			last = &it->op;
		if (it->op.arena != a)
			arena_destroy(it->op.arena);
	}
	extra.rate = operation_rate_fields(a, last);
	rpc_send(b->x, status, body, &extra);
}

static void batch_release(struct batch *b)
{
	if (atomic_fetch_sub_explicit(&b->open, 1, memory_order_acq_rel) == 1)
		batch_send(b);
}

/* ---- one item ---- */

static void item_encode(struct item *it)
{
	int dialect = it->batch->plan.batch ? FIELDS_BATCHED : FIELDS_UNBATCHED;
	struct json_out o;
	struct buf b;

	buf_init_arena(&b, it->op.arena, RPC_ANSWER_BYTES_MAX);
	json_out_init(&o, &b);
	if (it->ok)
		rpc_put_result(&o, it->operation, it->op.out, dialect);
	if (b.full) {
		it->ok = false;
		(void)err_log(&it->err, ERR_INTERNAL, 0, "the answer is larger than %d bytes", RPC_ANSWER_BYTES_MAX);
		buf_init_arena(&b, it->op.arena, RPC_ANSWER_BYTES_MAX);
		json_out_init(&o, &b);
	}
	if (!it->ok) {
		rpc_log_failure(it->op.request_id, it->path, &it->err);
		rpc_put_error(&o, &it->err, it->path);
	}
	it->element = buf_view(&b);
}

static void chain_run(struct batch *b);

static void item_finish(void *arg)
{
	struct item *it = arg;
	struct batch *b = it->batch;
	bool chained = b->chained;

	item_encode(it);
	/* Who comes second of the starter and this goes on; the first one must not touch the
	 * chain any more. */
	if (chained && atomic_exchange_explicit(&it->met, true, memory_order_acq_rel))
		chain_run(b);
	batch_release(b);
}

static void item_done(struct operation_call *op, bool ok, const struct err *e)
{
	struct item *it = (struct item *)(void *)op;

	it->ok = ok;
	if (!ok)
		it->err = *e;
	/* The writer thread serves all writers: it must not spend its time on text. */
	if (op->op->lane == LANE_WRITE)
		http_post(it->batch->x, item_finish, it);
	else
		item_finish(it);
}

/* In the reference server's order: procedure, method, caller, input. */
static bool item_prepare(struct item *it, struct err *e)
{
	struct batch *b = it->batch;
	bool post = http_request(b->x)->method == HTTP_POST;

	if (it->operation == NULL)
		return err_set(e, ERR_NOT_FOUND, "No procedure found on path \"" FMT_STR "\"",
		               ARG_STR(str_sub(it->path, 0, sizeof e->say / 2)));
	if (post != (it->procedure->type == PROCEDURE_MUTATION))
		return err_set(e, ERR_METHOD_NOT_ALLOWED, "Unsupported %s-request to %s procedure at path \"" FMT_STR "\"",
		               post ? "POST" : "GET", post ? "query" : "mutation", ARG_STR(it->path));
	if (!b->known) {
		*e = b->who_err;
		return false;
	}
	if (!operation_admit(&it->op, e))
		return false;
	if (b->plan.input_bad) {
		*e = b->plan.input_err;
		return false;
	}
	return operation_read_input(&it->op, it->input, e);
}

static void item_start(struct item *it)
{
	if (item_prepare(it, &it->err)) {
		operation_start(&it->op);
		return;
	}
	it->ok = false;
	item_finish(it);
}

/* ---- all of them ---- */

/* Steps without growing the stack: a call that ends at once is followed by the next turn of the
 * loop, a call that ends later on another thread is followed from there. */
static void chain_run(struct batch *b)
{
	while (b->next < b->items_n) {
		struct item *it = &b->items[b->next++];

		item_start(it);
		if (!atomic_exchange_explicit(&it->met, true, memory_order_acq_rel))
			return;
	}
}

/* The write lane keeps the order in which tasks come, so mutations that all go there need not
 * wait for each other's commit. */
static bool needs_chain(const struct batch *b)
{
	bool all_write = true, mutation = false;

	for (size_t i = 0; i < b->items_n; i++) {
		const struct item *it = &b->items[i];

		if (it->operation == NULL)
			continue;
		mutation = mutation || it->procedure->type == PROCEDURE_MUTATION;
		all_write = all_write && it->operation->lane == LANE_WRITE;
	}
	return mutation && !all_write && b->items_n > 1;
}

static void batch_start(struct batch *b)
{
	atomic_store_explicit(&b->open, b->items_n + 1, memory_order_relaxed);
	b->chained = needs_chain(b);
	if (b->chained) {
		chain_run(b);
	} else {
		for (size_t i = 0; i < b->items_n; i++)
			item_start(&b->items[i]);
	}
	batch_release(b);
}

static void item_bind(struct item *it, struct batch *b, size_t index)
{
	const struct http_request *r = http_request(b->x);
	struct arena *a = http_arena(b->x);

	it->batch = b;
	it->path = b->plan.paths[index];
	for (size_t i = 0; i < procedures_n; i++) {
		if (str_eq(str_from(procedures[i].path), it->path)) {
			it->procedure = &procedures[i];
			it->operation = b->rpc->operations[i];
		}
	}
	it->op = (struct operation_call){
		.op = it->operation, .env = b->rpc->config.env, .who = &b->who, .now_ms = r->now_ms, .done = item_done,
		.arena = b->items_n > 1 ? arena_create(RPC_ITEM_ARENA_BYTES) : a,
		.request_id = http_request_id(b->x), .address = r->peer, .user_agent = r->known[HTTP_USER_AGENT],
	};
}

static bool one_type(const struct batch *b, struct err *e)
{
	const struct item *first = NULL;

	for (size_t i = 0; i < b->items_n; i++) {
		const struct item *it = &b->items[i];

		if (it->operation == NULL)
			continue;
		if (first != NULL && first->procedure->type != it->procedure->type)
			return err_set(e, ERR_INVALID_REQUEST, "Cannot mix procedure types in call: query, mutation");
		first = first != NULL ? first : it;
	}
	return true;
}

static void identify(struct batch *b)
{
	const struct http_request *r = http_request(b->x);
	struct credential cred = { .local = false };
	struct arena *a = http_arena(b->x);

	b->known = credential_read(a, r->known[HTTP_AUTHORIZATION], r->known[HTTP_X_API_KEY], false, &cred,
	                           &b->who_err) &&
	           operation_authenticate(b->rpc->config.env, a, &cred, r->now_ms, &b->who, &b->who_err);
}

/* For a caller whom every procedure refuses the input is not looked at. */
static bool may_call_any(const struct batch *b)
{
	for (size_t i = 0; b->known && i < b->items_n; i++) {
		const struct item *it = &b->items[i];

		if (it->operation != NULL && (it->operation->who & b->who.kind) != 0)
			return true;
	}
	return false;
}

static void read_inputs(struct batch *b)
{
	if (!may_call_any(b))
		return;
	rpc_parse_input(http_arena(b->x), &b->plan);
	for (size_t i = 0; i < b->items_n; i++)
		b->items[i].input = rpc_input_at(http_arena(b->x), &b->plan, i);
}

static void batch_refuse(struct batch *b, const struct err *e)
{
	for (size_t i = 0; i < b->items_n && b->items_n > 1; i++)
		arena_destroy(b->items[i].op.arena);
	rpc_send_error(b->x, e);
}

void rpc_handle(struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	const struct rpc *rpc = http_route_row(x);
	struct batch *b;
	struct err e = { .code = ERR_NONE };
	str path = http_path_param(x, "*");
	struct rpc_text text = {
		.post = r->method == HTTP_POST, .path = path.p != NULL ? path : S(""), .query = r->query,
		.content_type = r->known[HTTP_CONTENT_TYPE], .body = r->body,
	};

	if (r->method == HTTP_HEAD) {
		rpc_send(x, 204, STR_NONE, &(struct rpc_extra){ 0 });
		return;
	}
	b = arena_new(http_arena(x), struct batch);
	b->x = x;
	b->rpc = rpc;
	if (!rpc_parse(http_arena(x), &text, rpc->config.batch_max, &b->plan, &e)) {
		rpc_send_error(x, &e);
		return;
	}
	b->items_n = b->plan.paths_n;
	b->items = arena_array(http_arena(x), struct item, b->items_n);
	for (size_t i = 0; i < b->items_n; i++)
		item_bind(&b->items[i], b, i);
	if (!one_type(b, &e)) {
		batch_refuse(b, &e);
		return;
	}
	identify(b);
	read_inputs(b);
	batch_start(b);
}
