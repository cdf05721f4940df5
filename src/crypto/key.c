/* SPDX-License-Identifier: MIT
 *
 * The server key in its file: 43 characters of base64url and a line feed. */
#include "crypto/crypto_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_BYTES_MAX = 256 };

static bool key_decode(str text, uint8_t key[KEY_BYTES])
{
	struct arena *a = arena_create(1024);
	uint8_t *bytes = NULL;
	size_t n = 0;
	bool ok = base64url_decode(a, text, &bytes, &n) && n == KEY_BYTES;

	if (ok)
		memcpy(key, bytes, KEY_BYTES);
	if (n > 0)
		wipe(bytes, n);
	arena_destroy(a);
	return ok;
}

static bool key_file_is_private(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_log(e, ERR_UNAVAILABLE, errno, "cannot examine the server key %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FORBIDDEN, "The server key must be a regular file.");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(
			e, ERR_FORBIDDEN,
			"Others than its owner can use the server key file."
			" Run chmod 600 on it, and rotate the key if someone may have read it.");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_FORBIDDEN, "The server key file belongs to another user.");
	return true;
}

bool server_key_load(const char *path, uint8_t key[KEY_BYTES], struct err *e)
{
	char text[KEY_FILE_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;
	bool ok;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "There is no server key file.");
	if (fd < 0)
		return err_log(e, ERR_UNAVAILABLE, errno, "cannot open the server key %s", path);
	ok = key_file_is_private(fd, path, e);
	if (ok && (n = read(fd, text, sizeof(text))) < 0)
		ok = err_log(e, ERR_UNAVAILABLE, errno, "cannot read the server key %s", path);
	close(fd);
	if (!ok)
		return false;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	ok = key_decode((str){ text, (size_t)n }, key);
	wipe(text, sizeof(text));
	return ok || err_set(e, ERR_INVALID_REQUEST,
			     "The server key file is damaged: it must hold 32 bytes in base64url.");
}

static int directory_open(const char *path)
{
	struct arena *a = arena_create(1024);
	const char *slash = strrchr(path, '/');
	str dir = slash == NULL	  ? S(".")
		  : slash == path ? S("/")
				  : (str){ path, (size_t)(slash - path) };
	int fd = open(arena_cstr(a, dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	arena_destroy(a);
	return fd;
}

static bool write_synced(int fd, str text)
{
	return write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
}

/* A key appears under its name whole or not at all, and never in place of another: link(2)
 * refuses an existing name. */
static bool key_publish(const char *path, const char *draft, str text, struct err *e)
{
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	int failed;

	if (fd < 0)
		return err_log(e, ERR_UNAVAILABLE, errno, "cannot create %s", draft);
	failed = write_synced(fd, text) ? 0 : errno;
	close(fd);
	if (failed == 0 && link(draft, path) != 0)
		failed = errno;
	unlink(draft);
	if (failed == EEXIST)
		return err_set(e, ERR_CONFLICT,
			       "There is a server key file already; it is never overwritten.");
	return failed == 0 ||
	       err_log(e, ERR_UNAVAILABLE, failed, "cannot write the server key %s", path);
}

/* The file's one line; wiped by the caller. */
static size_t key_line(const uint8_t key[KEY_BYTES], char line[KEY_FILE_BYTES_MAX])
{
	struct arena *a = arena_create(1024);
	str text = base64url_encode(a, key, KEY_BYTES);
	size_t n = text.n;

	memcpy(line, text.p, n);
	line[n++] = '\n';
	wipe((void *)(uintptr_t)text.p, text.n);
	arena_destroy(a);
	return n;
}

bool server_key_create(const char *path, uint8_t key[KEY_BYTES], struct err *e)
{
	struct arena *a = arena_create(1024);
	const char *draft = arena_cstr(a, arena_printf(a, "%s.%d.new", path, (int)getpid()));
	int dir = directory_open(path);
	char line[KEY_FILE_BYTES_MAX];
	uint8_t fresh[KEY_BYTES];
	bool ok;

	random_bytes(fresh, sizeof(fresh));
	ok = dir >= 0 ||
	     err_log(e, ERR_UNAVAILABLE, errno, "cannot open the directory of %s", path);
	ok = ok && key_publish(path, draft, (str){ line, key_line(fresh, line) }, e);
	if (ok && fsync(dir) != 0)
		ok = err_log(e, ERR_UNAVAILABLE, errno, "cannot sync the directory of %s", path);
	if (ok)
		memcpy(key, fresh, KEY_BYTES);
	if (dir >= 0)
		close(dir);
	wipe(fresh, sizeof(fresh));
	wipe(line, sizeof(line));
	arena_destroy(a);
	return ok;
}

bool server_key_replace(const char *path, const char *next, const char *old, struct err *e)
{
	int dir = directory_open(path);
	bool ok = dir >= 0 ||
		  err_log(e, ERR_UNAVAILABLE, errno, "cannot open the directory of %s", path);

	if (ok && link(path, old) != 0 && errno != EEXIST)
		ok = err_log(e, ERR_UNAVAILABLE, errno, "cannot keep the old server key as %s", old);
	if (ok && fsync(dir) == 0 && rename(next, path) != 0)
		ok = err_log(e, ERR_UNAVAILABLE, errno, "cannot replace the server key %s", path);
	if (ok && fsync(dir) != 0)
		ok = err_log(e, ERR_UNAVAILABLE, errno, "cannot sync the directory of %s", path);
	if (dir >= 0)
		close(dir);
	return ok;
}

str server_key_fingerprint(struct arena *a, const uint8_t key[KEY_BYTES])
{
	struct digest d = hmac_sha256(key, KEY_BYTES, S("bi18n server key fingerprint"));

	return hex_encode(a, d.b, DIGEST_BYTES / 2);
}
