/* SPDX-License-Identifier: MIT
 *
 * The data directory belongs to one process: flock on data_dir/lock, released by the kernel even
 * when that process is killed. The pid inside is only for the message. */
#include "store/driver_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

bool fault_set(struct err *e, enum err_code code, int sys, const char *fmt, ...)
{
	va_list args;

	err_log(e, code, sys, "%s", "");
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	memcpy(e->say, e->msg, sizeof(e->say));
	return false;
}

static bool make_directory(const char *path, bool create, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return true;
		return fault_set(e, ERR_UNAVAILABLE, ENOTDIR, "%s is not a directory", path);
	}
	if (errno != ENOENT)
		return fault_set(e, ERR_UNAVAILABLE, errno,
		                 "cannot look into data directory %s: %s", path, strerror(errno));
	if (!create)
		return fault_set(e, ERR_UNAVAILABLE, ENOENT, "there is no data directory %s", path);
	if (mkdir(path, 0700) != 0)
		return fault_set(e, ERR_UNAVAILABLE, errno, "cannot make data directory %s: %s",
		                 path, strerror(errno));
	return true;
}

static bool refuse_second(int fd, struct err *e)
{
	char pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	size_t digits;

	pid[n > 0 ? n : 0] = '\0';
	digits = strspn(pid, "0123456789");
	close(fd);
	if (digits == 0)
		return fault_set(e, ERR_CONFLICT, EWOULDBLOCK,
		                 "another bi18n process uses this data directory");
	return fault_set(e, ERR_CONFLICT, EWOULDBLOCK,
	                 "another bi18n process (pid %.*s) uses this data directory", (int)digits,
	                 pid);
}

bool data_dir_open(const struct store_config *c, int *lock_fd_out, struct err *e)
{
	char path[PATH_BYTES_MAX], pid[32];
	int fd, n;

	if (c->data_dir.n == 0 || c->data_dir.n > sizeof(path) - sizeof("/lock"))
		return fault_set(e, ERR_UNAVAILABLE, 0, "the data directory has no usable name");
	snprintf(path, sizeof(path), FMT_STR, ARG_STR(c->data_dir));
	if (!make_directory(path, c->create, e))
		return false;
	snprintf(path, sizeof(path), FMT_STR "/lock", ARG_STR(c->data_dir));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fault_set(e, ERR_UNAVAILABLE, errno,
		                 "cannot write in data directory " FMT_STR ": %s",
		                 ARG_STR(c->data_dir), strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return refuse_second(fd, e);
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		fault_set(e, ERR_UNAVAILABLE, errno, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return false;
	}
	*lock_fd_out = fd;
	return true;
}

void data_dir_close(int lock_fd)
{
	if (lock_fd >= 0)
		close(lock_fd);
}
