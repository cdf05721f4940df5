/* SPDX-License-Identifier: MIT
 *
 * MCP configurations of a workspace. Edits the text where the one member stands and leaves every other byte;
 * files are replaced whole, so that an editor never reads half of one. Source: contract "seed" row 15. */
#include "client/client_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1024 * 1024, DIRECTORY_MODE = 0755, TEMPORARY_MAX = 48 };
#define SERVER_NAME "better-i18n"

static const struct target {
	enum bi18n_mcp_target bit;
	const char           *directory, *file, *list;
} targets_all[] = {
	{ BI18N_MCP_CURSOR, ".cursor", "mcp.json", "mcpServers" },
	{ BI18N_MCP_CLAUDE, NULL, ".mcp.json", "mcpServers" },
	{ BI18N_MCP_VSCODE, ".vscode", "mcp.json", "servers" },
};

/* Text --------------------------------------------------------------------------------------------- */

static const char *server_entry(struct work *w, const char *url, const char *token)
{
	char       *header = pool_printf(&w->pool, "Bearer %s", token);
	struct text t;

	text_init(&t, &w->pool, FILE_BYTES_MAX);
	if (header == NULL)
		return NULL;
	text_add(&t, S("{ \"type\": \"http\", \"url\": "));
	text_json(&t, url);
	text_add(&t, S(", \"headers\": { \"Authorization\": "));
	text_json(&t, header);
	text_add(&t, S(" } }"));
	return text_cstr(&t);
}

/* `insert` in the place of source[from, to). */
static const char *text_splice(struct work *w, str source, size_t from, size_t to, const char *insert)
{
	struct text t;

	text_init(&t, &w->pool, 2 * FILE_BYTES_MAX);
	text_add(&t, str_sub(source, 0, from));
	text_addz(&t, insert);
	text_add(&t, str_from_at(source, to));
	return text_cstr(&t);
}

/* A member before the others of `object`. */
static const char *member_insert(struct work *w, str source, const struct jvalue *object, const char *indent,
                                 const char *name, const char *value)
{
	char       *insert;

	if (object->count == 0)
		insert = pool_printf(&w->pool, "{\n%s\"%s\": %s\n%.*s}", indent, name, value, (int)strlen(indent) - 2,
		                     indent);
	else
		insert = pool_printf(&w->pool, "{\n%s\"%s\": %s,", indent, name, value);
	if (insert == NULL)
		return NULL;
	return text_splice(w, source, object->begin, object->count == 0 ? object->end : object->begin + 1, insert);
}

/* The file's text with our server in it. NULL: not a configuration, or no memory. */
static const char *config_edit(struct work *w, str source, const char *list_name, const char *entry)
{
	const struct jvalue *root = json_read(&w->pool, source);
	const struct jvalue *list = json_member(root, list_name), *ours = json_member(list, SERVER_NAME);
	char                *whole;

	if (root == NULL || root->kind != JOBJECT || (list != NULL && list->kind != JOBJECT))
		return NULL;
	if (ours != NULL)
		return text_splice(w, source, ours->begin, ours->end, entry);
	if (list != NULL)
		return member_insert(w, source, list, "    ", SERVER_NAME, entry);
	whole = pool_printf(&w->pool, "{\n    \"" SERVER_NAME "\": %s\n  }", entry);
	return whole == NULL ? NULL : member_insert(w, source, root, "  ", list_name, whole);
}

/* Files -------------------------------------------------------------------------------------------- */

static bool fault_file(struct work *w, const char *file)
{
	return fault_set(w, BI18N_EINVAL, "%s: %s", file, errno == ELOOP ? "is a symbolic link" : strerror(errno));
}

static bool read_all(struct work *w, int fd, const char *file, str *out)
{
	char   *bytes = pool_alloc(&w->pool, FILE_BYTES_MAX + 1);
	size_t  n = 0;
	ssize_t got = 1;

	if (bytes == NULL)
		return fault_nomem(w);
	while (got > 0 && n <= FILE_BYTES_MAX) {
		got = read(fd, bytes + n, FILE_BYTES_MAX + 1 - n);
		if (got < 0)
			return fault_file(w, file);
		n += (size_t)got;
	}
	*out = (str){ bytes, n };
	return n <= FILE_BYTES_MAX || fault_set(w, BI18N_EINVAL, "%s: more than %d bytes", file, FILE_BYTES_MAX);
}

/* "{}" where there is no file. */
static bool file_read(struct work *w, int directory, const char *file, str *out)
{
	int  fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool ok;

	if (fd < 0 && errno == ENOENT) {
		*out = S("{}\n");
		return true;
	}
	if (fd < 0)
		return fault_file(w, file);
	ok = read_all(w, fd, file, out);
	close(fd);
	if (ok && str_trim(*out).n == 0)
		*out = S("{}\n");
	return ok;
}

static bool write_all(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno != EINTR)
			return false;
		text += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	return fsync(fd) == 0;
}

static bool file_replace(struct work *w, int directory, const char *file, const char *text)
{
	char temporary[TEMPORARY_MAX], name[RANDOM_TEXT_MAX];
	int  fd;
	bool ok;

	if (!random_text(name))
		return fault_nomem(w);
	snprintf(temporary, sizeof(temporary), ".mcp-%.16s.tmp", name);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return fault_file(w, file);
	ok = write_all(fd, text);
	close(fd);
	ok = ok && renameat(directory, temporary, directory, file) == 0;
	if (ok)
		return true;
	(void)fault_file(w, file);
	unlinkat(directory, temporary, 0);
	return false;
}

static int directory_open(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool target_write(struct work *w, int workspace, const struct target *target, const char *entry)
{
	int         directory = workspace;
	const char *text;
	str         source;
	bool        ok;

	if (target->directory != NULL) {
		if (mkdirat(workspace, target->directory, DIRECTORY_MODE) != 0 && errno != EEXIST)
			return fault_file(w, target->directory);
		directory = directory_open(workspace, target->directory);
		if (directory < 0)
			return fault_file(w, target->directory);
	}
	ok = file_read(w, directory, target->file, &source);
	if (ok) {
		text = config_edit(w, source, target->list, entry);
		if (text == NULL)
			ok = w->pool.failed ? fault_nomem(w)
			                    : fault_set(w, BI18N_EINVAL, "%s is not a JSON object", target->file);
		else
			ok = file_replace(w, directory, target->file, text);
	}
	if (directory != workspace)
		close(directory);
	return ok;
}

static bool targets_write(struct work *w, const char *directory, unsigned targets, const char *entry)
{
	int  workspace = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = true;

	if (workspace < 0)
		return fault_file(w, "directory");
	for (size_t i = 0; i < COUNT(targets_all) && ok; i++) {
		if ((targets & targets_all[i].bit) != 0)
			ok = target_write(w, workspace, &targets_all[i], entry);
	}
	close(workspace);
	return ok;
}

enum bi18n_code bi18n_mcp_config(struct bi18n *client, const char *owner_id, const char *organization,
                                 const char *directory, unsigned targets, const char *server_url,
                                 const struct bi18n_call *call, struct bi18n_error *error)
{
	struct entry *entry = NULL;
	const char   *url, *text;
	char          token[BI18N_TOKEN_MAX];
	struct work   w;

	work_begin(&w, client, call, error);
	if (directory == NULL || targets == 0 || (targets & ~(unsigned)BI18N_MCP_ALL) != 0) {
		fault_put(&w, BI18N_EINVAL, "directory: required; targets: one or more of BI18N_MCP_*");
		return work_end(&w);
	}
	if (server_url != NULL && server_url_check(server_url) != BI18N_OK) {
		fault_put(&w, server_url_check(server_url), "server_url: https, or http on a loopback host");
		return work_end(&w);
	}
	url = server_url != NULL ? server_url : pool_printf(&w.pool, "%s/mcp", client->base_url);
	if (entry_find(&w, owner_id, organization, &entry) && token_take(&w, entry, token, NULL)) {
		text = url == NULL ? NULL : server_entry(&w, url, token);
		if (text == NULL)
			fault_put(&w, BI18N_ENOMEM, "out of memory");
		else
			(void)targets_write(&w, directory, targets, text);
		bi18n_wipe(token, sizeof(token));
	}
	return work_end_with(&w, entry);
}
