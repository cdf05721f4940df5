/* SPDX-License-Identifier: MIT
 *
 * Bodies in a directory: ab/abcd…, ab/abcd….gz, ab/abcd….br. The compressed forms end in the
 * SHA-256 of what precedes it, because their own bytes have no name to be checked against. */
#include "blob/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum {
	FANOUT = 256,
	PATH_BYTES_MAX = 3 + BLOB_NAME_BYTES + 4,
	TEMP_BYTES_MAX = 48,
	SYNC_EACH_MAX = 4, /* up to here one fsync a file, beyond it one syncfs for all */
	RETRY_AFTER_S = 5,
	TEMP_KEPT_MS = 3600 * 1000,
};

struct blobs {
	int root;
	atomic_uint_fast64_t serial;
};

static const char *const suffixes[BLOB_FORMS] = { "", ".gz", ".br" };

struct staged { char temp[TEMP_BYTES_MAX], path[PATH_BYTES_MAX]; };

static bool fail(struct err *e, const char *what)
{
	int sys = errno;

	if (sys == ENOENT)
		return err_log(e, ERR_NOT_FOUND, sys, "blob: %s", what);
	err_log(e, ERR_UNAVAILABLE, sys, "blob: %s: %s", what, strerror(sys));
	e->retry_after_s = RETRY_AFTER_S;
	return false;
}

static bool is_name(str s)
{
	if (s.n != BLOB_NAME_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static void path_of(str name, enum blob_form form, char out[PATH_BYTES_MAX])
{
	snprintf(out, PATH_BYTES_MAX, "%.2s/%.*s%s", name.p, BLOB_NAME_BYTES, name.p,
		 suffixes[form]);
}

static size_t trailer_bytes(enum blob_form form)
{
	return form == BLOB_IDENTITY ? 0 : DIGEST_BYTES;
}

/* What a killed process left behind; young ones may belong to another process on a shared
 * directory. */
static void sweep_temps(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d)) != NULL) {
		if (!str_starts(str_from(entry->d_name), S(".new-")))
			continue;
		if (fstatat(root, entry->d_name, &st, 0) == 0 &&
		    clock_now_ms() - (int64_t)st.st_mtime * 1000 > TEMP_KEPT_MS)
			unlinkat(root, entry->d_name, 0);
	}
	if (d)
		closedir(d);
}

bool blobs_open(str directory, struct blobs **out, struct err *e)
{
	struct arena *a = arena_create(512);
	const char *path = arena_cstr(a, directory);
	int root = -1;
	bool made = mkdir(path, 0700) == 0 || errno == EEXIST;

	if (made)
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || faccessat(root, ".", W_OK | X_OK, 0) != 0) {
		fail(e, "open directory");
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_UNAVAILABLE;
		if (root >= 0)
			close(root);
		arena_destroy(a);
		return false;
	}
	arena_destroy(a);
	sweep_temps(root);
	*out = calloc(1, sizeof(**out));
	if (!*out)
		abort();
	(*out)->root = root;
	return true;
}

void blobs_close(struct blobs **b)
{
	if (!*b)
		return;
	close((*b)->root);
	free(*b);
	*b = NULL;
}

static bool write_all(int fd, str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s = str_from_at(s, (size_t)n);
	}
	return true;
}

/* Writes one item under a temporary name; leaves nothing when it fails. */
static bool stage(struct blobs *b, const struct blob_item *item, bool sync, struct staged *out,
                  struct err *e)
{
	struct digest check;
	int fd;
	bool ok;

	snprintf(out->temp, sizeof(out->temp), ".new-%ld-%llu", (long)getpid(),
	         (unsigned long long)atomic_fetch_add(&b->serial, 1));
	path_of(item->name, item->form, out->path);
	fd = openat(b->root, out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(e, "create");
	ok = write_all(fd, item->bytes);
	if (ok && item->form != BLOB_IDENTITY) {
		check = sha256(item->bytes);
		ok = write_all(fd, (str){ (const char *)check.b, DIGEST_BYTES });
	}
	if (ok && sync)
		ok = fsync(fd) == 0;
	if (!ok) {
		fail(e, "write");
		close(fd);
		unlinkat(b->root, out->temp, 0);
		return false;
	}
	if (close(fd) != 0) {
		fail(e, "close");
		unlinkat(b->root, out->temp, 0);
		return false;
	}
	return true;
}

static void unstage(struct blobs *b, const struct staged *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unlinkat(b->root, v[i].temp, 0);
}

static bool sync_directory(struct blobs *b, const char *path)
{
	int fd = openat(b->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

static unsigned fan_of(const struct staged *s)
{
	unsigned fan = 0;

	for (int i = 0; i < 2; i++) {
		char c = s->path[i];

		fan = fan * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return fan;
}

/* Gives the staged files their names. A directory is synced once however many names it got; the
 * root only when it got a new directory. */
static bool settle(struct blobs *b, const struct staged *v, size_t n, struct err *e)
{
	bool touched[FANOUT] = { false };
	bool grew = false;
	char sub[3];

	for (size_t i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%.2s", v[i].path);
		if (!touched[fan_of(&v[i])] && mkdirat(b->root, sub, 0700) == 0)
			grew = true;
		touched[fan_of(&v[i])] = true;
		if (renameat(b->root, v[i].temp, b->root, v[i].path) != 0) {
			fail(e, "rename");
			unstage(b, v + i, n - i);
			return false;
		}
	}
	for (unsigned i = 0; i < FANOUT; i++) {
		snprintf(sub, sizeof(sub), "%02x", i);
		if (touched[i] && !sync_directory(b, sub))
			return fail(e, "sync directory");
	}
	return !grew || sync_directory(b, ".") || fail(e, "sync directory");
}

/* There and of the right length: a power cut between rename and sync can leave a shorter one on
 * some file systems. */
static bool is_complete(struct blobs *b, const struct blob_item *item)
{
	char path[PATH_BYTES_MAX];
	struct stat st;

	path_of(item->name, item->form, path);
	return fstatat(b->root, path, &st, 0) == 0 &&
	       (uint64_t)st.st_size == item->bytes.n + trailer_bytes(item->form) &&
	       utimensat(b->root, path, NULL, 0) == 0;
}

static bool put(struct blobs *b, const struct blob_item *items, size_t n, bool replace,
		struct err *e)
{
	struct arena *a = arena_create(4 * KIB);
	struct staged *v = arena_array(a, struct staged, n + 1);
	bool each = n <= SYNC_EACH_MAX, ok = true;
	size_t staged = 0;

	for (size_t i = 0; ok && i < n; i++) {
		if (!is_name(items[i].name) || items[i].bytes.n > BLOB_BYTES_MAX)
			ok = err_log(e, ERR_INTERNAL, 0, "blob: bad name or too large");
		else if (replace || !is_complete(b, &items[i]))
			ok = stage(b, &items[i], each, &v[staged], e) && ++staged;
	}
	if (ok && !each && staged > 0 && syncfs(b->root) != 0)
		ok = fail(e, "sync");
	if (ok)
		ok = settle(b, v, staged, e);
	else
		unstage(b, v, staged);
	if (!ok && e->code == ERR_NOT_FOUND)   /* the directory itself has gone */
		e->code = ERR_UNAVAILABLE;
	arena_destroy(a);
	return ok;
}

bool blobs_put(struct blobs *b, const struct blob_item *items, size_t n, struct err *e)
{
	return put(b, items, n, false, e);
}

bool blobs_replace(struct blobs *b, const struct blob_item *item, struct err *e)
{
	return put(b, item, 1, true, e);
}

static bool read_all(int fd, struct buf *out, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, out->p + out->n, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		out->n += (size_t)got;
		n -= (size_t)got;
	}
	return true;
}

static bool is_sound(str name, enum blob_form form, str bytes, const char *trailer)
{
	struct digest d = sha256(bytes), want;

	if (form == BLOB_IDENTITY) {
		if (!hex_decode(name, want.b, DIGEST_BYTES))
			return false;
	} else {
		memcpy(want.b, trailer, DIGEST_BYTES);
	}
	return digest_equal(&d, &want);
}

static bool read_checked(int fd, str name, enum blob_form form, struct buf *out, struct err *e)
{
	size_t before = out->n, extra = trailer_bytes(form);
	struct stat st;
	size_t n;

	if (fstat(fd, &st) != 0)
		return fail(e, "stat");
	n = (size_t)st.st_size;
	if (n < extra || n > BLOB_BYTES_MAX + extra)
		return err_log(e, ERR_INTERNAL, 0, "blob %.16s%s has a wrong length", name.p,
			       suffixes[form]);
	if (!buf_reserve(out, n + 1))
		return err_log(e, ERR_INTERNAL, 0, "blob %.16s%s does not fit", name.p,
			       suffixes[form]);
	if (!read_all(fd, out, n))
		return fail(e, "read");
	out->n -= extra;
	if (is_sound(name, form, (str){ out->p + before, out->n - before }, out->p + out->n))
		return true;
	out->n = before;
	return err_log(e, ERR_INTERNAL, 0, "blob %.16s%s is damaged", name.p, suffixes[form]);
}

bool blobs_get(struct blobs *b, str name, enum blob_form form, struct buf *out, struct err *e)
{
	char path[PATH_BYTES_MAX];
	bool ok;
	int fd;

	if (!is_name(name))
		return err_log(e, ERR_NOT_FOUND, 0, "blob: bad name");
	path_of(name, form, path);
	fd = openat(b->root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, "open");
	ok = read_checked(fd, name, form, out, e);
	close(fd);
	return ok;
}

bool blobs_has(struct blobs *b, str name, enum blob_form form)
{
	char path[PATH_BYTES_MAX];

	if (!is_name(name))
		return false;
	path_of(name, form, path);
	return faccessat(b->root, path, R_OK, 0) == 0;
}

void blobs_touch(struct blobs *b, str name)
{
	char path[PATH_BYTES_MAX];

	if (!is_name(name))
		return;
	path_of(name, BLOB_IDENTITY, path);
	(void)utimensat(b->root, path, NULL, 0);
}

/* Visits the identity files of one directory. *go false: fn said stop. */
static bool each_in(struct blobs *b, const char *sub, bool (*fn)(str, int64_t, void *), void *arg,
                    bool *go, struct err *e)
{
	int fd = openat(b->root, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	struct stat st;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT || fail(e, "open directory");
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return fail(e, "read directory");
	}
	while (*go && (entry = readdir(d)) != NULL) {
		str name = str_from(entry->d_name);

		if (is_name(name) && fstatat(fd, entry->d_name, &st, 0) == 0)
			*go = fn(name, clock_now_ms() - (int64_t)st.st_mtime * 1000, arg);
	}
	closedir(d);
	return true;
}

bool blobs_each(struct blobs *b, bool (*fn)(str name, int64_t age_ms, void *arg), void *arg,
                struct err *e)
{
	bool go = true;
	char sub[3];

	for (unsigned i = 0; go && i < FANOUT; i++) {
		snprintf(sub, sizeof(sub), "%02x", i);
		if (!each_in(b, sub, fn, arg, &go, e))
			return false;
	}
	return true;
}

bool blobs_remove(struct blobs *b, str name, struct err *e)
{
	char path[PATH_BYTES_MAX];

	if (!is_name(name))
		return true;
	/* Identity last: while it is there, the sweep still sees the name. */
	for (int form = BLOB_FORMS - 1; form >= 0; form--) {
		path_of(name, (enum blob_form)form, path);
		if (unlinkat(b->root, path, 0) != 0 && errno != ENOENT)
			return fail(e, "remove");
	}
	return true;
}
