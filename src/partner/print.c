/* SPDX-License-Identifier: MIT
 *
 * What people and programs read. */
#include "partner/partner.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

void print_begin(struct print *print)
{
	buf_init(&print->buf, OUTPUT_BYTES_MAX);
	json_out_init(&print->out, &print->buf);
}

void print_end(struct print *print)
{
	buf_char(&print->buf, '\n');
	fwrite(print->buf.p, 1, print->buf.n, stdout);
	fflush(stdout);
	bi18n_wipe(print->buf.p, print->buf.n);
	buf_fini(&print->buf);
}

void print_member(struct print *print, const char *name, const char *value)
{
	json_key(&print->out, str_from(name));
	json_put_str(&print->out, value == NULL || value[0] == '\0' ? STR_NONE : str_from(value));
}

void print_number(struct print *print, const char *name, int64_t value)
{
	json_key(&print->out, str_from(name));
	json_put_i64(&print->out, value);
}

void print_plain(FILE *file, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		fputc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, file);
}

static void put_list(struct print *print, const char *name, const char *separated)
{
	str rest = str_from(separated), part;

	json_key(&print->out, str_from(name));
	json_open_array(&print->out);
	while (str_cut(&rest, ' ', &part)) {
		if (part.n > 0)
			json_put_str(&print->out, part);
	}
	json_close_array(&print->out);
}

static void put_projects(struct print *print, const struct bi18n_connection *c)
{
	json_key(&print->out, S("projectIds"));
	json_open_array(&print->out);
	for (size_t i = 0; i < c->project_ids_n; i++)
		json_put_str(&print->out, str_from(c->project_ids[i]));
	json_close_array(&print->out);
	print_member(print, "projectAccess", c->all_projects ? "all" : "selected");
}

static void put_connection(struct print *print, const struct bi18n_connection *c, bool declined)
{
	char time[25] = "";

	if (c->disconnected_at_ms != 0)
		clock_iso_text(c->disconnected_at_ms, time);
	json_open_object(&print->out);
	print_member(print, "ownerId", c->owner_id);
	print_member(print, "organizationId", c->organization_id);
	print_member(print, "organizationSlug", c->organization_slug);
	print_member(print, "grantId", c->grant_id);
	put_list(print, "scopes", c->scopes);
	if (declined)
		put_list(print, "declinedScopes", c->declined_scopes);
	put_projects(print, c);
	print_member(print, "state", bi18n_code_name(c->state));
	print_member(print, "disconnectedAt", time);
	print_member(print, "nextStep", bi18n_code_next_step(c->state));
	json_close_object(&print->out);
}

static void print_connection_text(const struct bi18n_connection *c)
{
	print_plain(stdout,
		    c->organization_slug[0] != '\0' ? c->organization_slug : c->organization_id);
	printf("  %s  owner ", bi18n_code_name(c->state));
	print_plain(stdout, c->owner_id);
	printf("\n  may    ");
	print_plain(stdout, c->scopes);
	if (c->declined_scopes[0] != '\0') {
		printf("\n  not    ");
		print_plain(stdout, c->declined_scopes);
	}
	printf("\n  in     %s", c->all_projects ? "all projects" : "");
	for (size_t i = 0; i < c->project_ids_n; i++) {
		fputc(' ', stdout);
		print_plain(stdout, c->project_ids[i]);
	}
	printf("\n  grant  ");
	print_plain(stdout, c->grant_id);
	fputc('\n', stdout);
	if (c->state != BI18N_CONNECTED)
		printf("  next   %s\n", bi18n_code_next_step(c->state));
}

void print_connections(const struct partner *p, const struct bi18n_connections *list, bool declined)
{
	struct print print;

	if (!p->options->json) {
		for (size_t i = 0; i < list->n; i++)
			print_connection_text(&list->v[i]);
		if (list->n == 0)
			printf("No connections. Make one: bi18n-partner connect --owner ID --scope "
			       "\"...\"\n");
		fflush(stdout);
		return;
	}
	print_begin(&print);
	json_open_array(&print.out);
	for (size_t i = 0; i < list->n; i++)
		put_connection(&print, &list->v[i], declined);
	json_close_array(&print.out);
	print_end(&print);
}

/* Failures
 * ------------------------------------------------------------------------------------------ */

static bool is_state(enum bi18n_code code)
{
	return code > BI18N_CONNECTED && code <= BI18N_NOT_CONNECTED;
}

static int exit_of(enum bi18n_code code)
{
	switch (code) {
	case BI18N_EINVAL:
	case BI18N_EINSECURE:
	case BI18N_EUNSUPPORTED:
		return EXIT_USAGE;
	case BI18N_ESTORE:
	case BI18N_EKEY:
	case BI18N_ENOMEM:
		return EXIT_AWAY;
	default:
		return is_state(code) ? EXIT_STATE : EXIT_REFUSED;
	}
}

static void fail_json(const struct partner *p, const char *owner, const struct bi18n_error *error)
{
	struct print print;

	print_begin(&print);
	json_open_object(&print.out);
	print_member(&print, is_state(error->code) ? "state" : "error",
		     bi18n_code_name(error->code));
	print_member(&print, "text", bi18n_code_text(error->code));
	print_member(&print, "nextStep", bi18n_code_next_step(error->code));
	print_member(&print, "ownerId", owner);
	print_member(&print, "organization", p->options->organization);
	print_member(&print, "requiredScope", error->required_scope);
	print_member(&print, "authorizeUrl", error->authorize_url);
	print_number(&print, "retryAfterMs", error->retry_after_ms);
	print_number(&print, "httpStatus", error->http_status);
	print_member(&print, "message", error->message);
	json_close_object(&print.out);
	print_end(&print);
}

/* The command that leads out of it, ready to be pasted. */
static void state_command(const struct partner *p, const char *owner,
			  const struct bi18n_error *error)
{
	printf("do:      bi18n-partner connect --owner ");
	print_plain(stdout, owner == NULL ? "ID" : owner);
	if (p->options->organization != NULL) {
		printf(" --organization ");
		print_plain(stdout, p->options->organization);
	}
	if (error->required_scope[0] != '\0' || p->options->organization == NULL)
		printf(" --scope \"%s\"",
		       error->required_scope[0] != '\0' ? error->required_scope : "...");
	fputc('\n', stdout);
}

static void state_text(const struct partner *p, const char *owner, const struct bi18n_error *error)
{
	printf("%s: %s\n", bi18n_code_name(error->code), bi18n_code_text(error->code));
	if (error->required_scope[0] != '\0')
		printf("missing: %s\n", error->required_scope);
	if (error->retry_after_ms > 0)
		printf("wait:    %lld ms\n", (long long)error->retry_after_ms);
	if (error->code == BI18N_RECONNECT_REQUIRED || error->code == BI18N_SCOPE_REQUIRED ||
	    error->code == BI18N_NOT_CONNECTED)
		state_command(p, owner, error);
	fflush(stdout);
}

int partner_fail(const struct partner *p, const char *owner, const struct bi18n_error *error)
{
	if (p->options->json)
		fail_json(p, owner, error);
	else if (is_state(error->code))
		state_text(p, owner, error);
	return partner_complain(error);
}

int partner_complain(const struct bi18n_error *error)
{
	fprintf(stderr, "bi18n-partner: %s: ", bi18n_code_name(error->code));
	print_plain(stderr,
		    error->message[0] != '\0' ? error->message : bi18n_code_text(error->code));
	fprintf(stderr, "\n");
	return exit_of(error->code);
}

int partner_usage(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "bi18n-partner: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}
