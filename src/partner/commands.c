/* SPDX-License-Identifier: MIT */
#include "partner/partner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 16 * 1024 * 1024 };

/* Opens the client and finds the owner; NULL: said why. */
static const char *ready(struct partner *p, int *exit_out)
{
	return partner_open(p, NULL, exit_out) ? partner_owner(p, exit_out) : NULL;
}

static int status_command(struct partner *p)
{
	struct bi18n_connections *list;
	struct bi18n_error error;
	int code;

	if (!partner_open(p, NULL, &code))
		return code;
	if (bi18n_connections(p->client, p->options->owner, &list, &error) != BI18N_OK)
		return partner_fail(p, p->options->owner, &error);
	/* What a token meets becomes the connection's state, which is then read again. */
	for (size_t i = 0; p->options->check && i < list->n; i++) {
		char token[BI18N_TOKEN_MAX];

		if (bi18n_installation_token(p->client, list->v[i].owner_id,
					     list->v[i].organization_id, NULL, token, NULL,
					     NULL) == BI18N_OK)
			bi18n_wipe(token, sizeof(token));
	}
	if (p->options->check) {
		bi18n_free(list);
		if (bi18n_connections(p->client, p->options->owner, &list, &error) != BI18N_OK)
			return partner_fail(p, p->options->owner, &error);
	}
	print_connections(p, list, false);
	bi18n_free(list);
	return EXIT_DONE;
}

static int token_command(struct partner *p)
{
	char token[BI18N_TOKEN_MAX];
	struct bi18n_error error;
	struct print print;
	int64_t expires_in_ms;
	int code;
	const char *owner = ready(p, &code);

	if (owner == NULL)
		return code;
	if (bi18n_installation_token(p->client, owner, p->options->organization, NULL, token,
				     &expires_in_ms, &error) != BI18N_OK)
		return partner_fail(p, owner, &error);
	if (p->options->json) {
		print_begin(&print);
		json_open_object(&print.out);
		print_member(&print, "token", token);
		print_number(&print, "expiresInMs", expires_in_ms);
		json_close_object(&print.out);
		print_end(&print);
	} else {
		puts(token);
		fflush(stdout);
	}
	bi18n_wipe(token, sizeof(token));
	return EXIT_DONE;
}

/* --data: the word itself, or standard input. False: too long. */
static bool body_read(const char *data, struct buf *out)
{
	char part[16 * 1024];
	ssize_t n;

	buf_init(out, INPUT_BYTES_MAX);
	if (data != NULL && strcmp(data, "-") != 0)
		buf_str(out, str_from(data));
	while (data != NULL && strcmp(data, "-") == 0 &&
	       (n = read(STDIN_FILENO, part, sizeof(part))) > 0)
		buf_str(out, (str){ part, (size_t)n });
	return !out->full;
}

static void print_body(const struct bi18n_answer *answer)
{
	fwrite(answer->body, 1, answer->body_n, stdout);
	if (answer->body_n > 0 && answer->body[answer->body_n - 1] != '\n')
		fputc('\n', stdout);
	fflush(stdout);
}

static int call_send(struct partner *p, const char *owner, const struct buf *body)
{
	struct bi18n_request request = {
		.method = p->options->words[1],
		.path = p->options->words[2],
		.body = body->n > 0 ? body->p : NULL,
		.body_n = body->n,
		.content_type = p->options->content_type,
		.idempotent = p->options->idempotent,
	};
	struct bi18n_answer *answer;
	struct bi18n_error error;

	if (bi18n_request(p->client, owner, p->options->organization, &request, NULL, &answer,
			  &error) != BI18N_OK)
		return partner_fail(p, owner, &error);
	print_body(answer);
	bi18n_free(answer);
	return EXIT_DONE;
}

static int call_command(struct partner *p)
{
	struct buf body;
	int code;
	const char *owner = ready(p, &code);

	if (owner == NULL)
		return code;
	code = body_read(p->options->data, &body)
		       ? call_send(p, owner, &body)
		       : partner_usage("--data: more than %d bytes", INPUT_BYTES_MAX);
	buf_fini(&body);
	return code;
}

static int cdn_command(struct partner *p)
{
	struct bi18n_answer *answer;
	struct bi18n_error error;
	int code;

	if (!partner_open_bare(p, &code))
		return code;
	if (bi18n_cdn_get(p->client, p->options->words[1], p->options->words[2],
			  p->options->name_space, NULL, &answer, &error) != BI18N_OK)
		return partner_fail(p, NULL, &error);
	print_body(answer);
	bi18n_free(answer);
	return EXIT_DONE;
}

/* MCP
 * -----------------------------------------------------------------------------------------------
 */

static const struct {
	const char *name, *file;
	enum bi18n_mcp_target target;
} targets[] = {
	{ "cursor", ".cursor/mcp.json", BI18N_MCP_CURSOR },
	{ "claude", ".mcp.json", BI18N_MCP_CLAUDE },
	{ "vscode", ".vscode/mcp.json", BI18N_MCP_VSCODE },
};

/* 0: an unknown one. */
static unsigned targets_of(const char *list)
{
	str rest = str_from(list), part;
	unsigned all = list == NULL ? BI18N_MCP_ALL : 0;

	while (str_cut(&rest, ',', &part)) {
		unsigned one = 0;

		for (size_t i = 0; i < COUNT(targets); i++)
			one |= str_eq(part, str_from(targets[i].name)) ? targets[i].target : 0;
		if (one == 0)
			return 0;
		all |= one;
	}
	return all;
}

static void print_targets(const struct partner *p, unsigned chosen)
{
	const char *directory = p->options->words[1];
	struct print print;

	print_begin(&print);
	json_open_object(&print.out);
	json_key(&print.out, S("files"));
	json_open_array(&print.out);
	for (size_t i = 0; i < COUNT(targets); i++) {
		str path = arena_printf(p->arena, "%s/%s", directory, targets[i].file);

		if ((chosen & targets[i].target) == 0)
			continue;
		json_put_str(&print.out, path);
		if (!p->options->json)
			printf("wrote " FMT_STR "\n", ARG_STR(path));
	}
	json_close_array(&print.out);
	json_close_object(&print.out);
	if (p->options->json)
		print_end(&print);
	else
		buf_fini(&print.buf);
}

static int mcp_command(struct partner *p)
{
	unsigned chosen = targets_of(p->options->target);
	struct bi18n_error error;
	const char *owner;
	int code;

	if (chosen == 0)
		return partner_usage("--target: cursor, claude, vscode, separated by commas");
	owner = ready(p, &code);
	if (owner == NULL)
		return code;
	if (bi18n_mcp_config(p->client, owner, p->options->organization, p->options->words[1],
			     chosen, p->options->server_url, NULL, &error) != BI18N_OK)
		return partner_fail(p, owner, &error);
	print_targets(p, chosen);
	if (!p->options->json)
		fprintf(stderr, "The token in them is good for an hour at most. Keep them out of "
				"version control.\n");
	return EXIT_DONE;
}

static int disconnect_command(struct partner *p)
{
	struct bi18n_connections *row;
	struct bi18n_error error;
	int code;
	const char *owner = ready(p, &code);

	if (owner == NULL)
		return code;
	if (bi18n_disconnect(p->client, owner, p->options->organization, NULL, &error) !=
		    BI18N_OK ||
	    bi18n_connection(p->client, owner, p->options->organization, &row, &error) != BI18N_OK)
		return partner_fail(p, owner, &error);
	print_connections(p, row, false);
	bi18n_free(row);
	return EXIT_DONE;
}

/* The table
 * ----------------------------------------------------------------------------------------- */

static const struct command table[] = {
	{ FOR_CONNECT, "connect", "", 0, connect_command,
	  "connect an organization, or widen a connection" },
	{ FOR_STATUS, "status", "", 0, status_command, "list the connections" },
	{ FOR_TOKEN, "token", "", 0, token_command, "print an installation token" },
	{ FOR_CALL, "call", "METHOD PATH", 2, call_command,
	  "send a request with the connection's token" },
	{ FOR_CDN, "cdn", "ORG/PROJECT LOCALE", 2, cdn_command, "print published texts" },
	{ FOR_MCP, "mcp-config", "DIR", 1, mcp_command,
	  "let the editors of a workspace work on the texts" },
	{ FOR_DISCONNECT, "disconnect", "", 0, disconnect_command,
	  "revoke the grant and end the connection" },
	{ FOR_HAMMER, "hammer", "", 0, hammer_command,
	  "call from many threads and processes, and count" },
};

const struct command *command_table(size_t *n_out)
{
	*n_out = COUNT(table);
	return table;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}
