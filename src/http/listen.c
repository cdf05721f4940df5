/* SPDX-License-Identifier: MIT
 *
 * Listening sockets: one a loop on the same TCP port (SO_REUSEPORT: the kernel spreads connections,
 * no loop wakes for another's), and one Unix socket on the first loop. */
#include "http/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };   /* the kernel cuts it to net.core.somaxconn */

static bool listen_fail(struct err *e, const char *where, int sys)
{
	err_set(e, ERR_UNAVAILABLE, "cannot listen on %s: %s", where, strerror(sys));
	e->sys = sys;
	return false;
}

static void set_option(int fd, int option)
{
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, option, &on, sizeof on);
}

static int bound_socket(const struct sockaddr_storage *sa, socklen_t bytes, bool shared)
{
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	set_option(fd, SO_REUSEADDR);
	if (shared)
		set_option(fd, SO_REUSEPORT);
	if (sa->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)sa, bytes) != 0) {
		int sys = errno;

		close(fd);
		errno = sys;
		return -1;
	}
	return fd;
}

/* SO_REUSEPORT would let a second server of the same user share the port in silence and take half
 * of the requests. A socket without it tells. */
static bool port_is_free(const struct sockaddr_storage *sa, socklen_t bytes)
{
	int fd = bound_socket(sa, bytes, false);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static in_port_t *port_of(struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ? &((struct sockaddr_in *)(void *)sa)->sin_port
	                                : &((struct sockaddr_in6 *)(void *)sa)->sin6_port;
}

static void on_connection(uv_stream_t *listener, int status)
{
	if (status == 0)
		connection_accept(listener->data, listener, false);
}

static void on_unix_connection(uv_stream_t *listener, int status)
{
	if (status == 0)
		connection_accept(listener->data, listener, true);
}

static bool loop_listen(struct loop *l, const char *where, int fd, struct err *e)
{
	int rc = uv_tcp_init(&l->uv, &l->listener);

	if (rc == 0)
		rc = uv_tcp_open(&l->listener, fd);
	if (rc != 0) {
		close(fd);
		return listen_fail(e, where, -rc);
	}
	l->has_listener = true;
	l->listener.data = l;
	rc = uv_listen((uv_stream_t *)&l->listener, BACKLOG, on_connection);
	return rc == 0 || listen_fail(e, where, -rc);
}

bool listen_tcp(struct http_server *s, struct err *e)
{
	const char *where = s->config.listen;
	struct sockaddr_storage sa;
	socklen_t bytes;

	if (!address_listen(where, &sa, &bytes, e))
		return false;
	if (!port_is_free(&sa, bytes))
		return listen_fail(e, where, errno);
	for (unsigned i = 0; i < s->loops_n; i++) {
		int fd = bound_socket(&sa, bytes, true);

		if (fd < 0)
			return listen_fail(e, where, errno);
		/* Port 0: the first socket chooses for all. */
		if (i == 0 && getsockname(fd, (struct sockaddr *)&sa, &bytes) != 0) {
			close(fd);
			return listen_fail(e, where, errno);
		}
		if (!loop_listen(&s->loops[i], where, fd, e))
			return false;
	}
	s->port = ntohs(*port_of(&sa));
	return true;
}

/* A socket file outlives a killed server. One that nobody answers on is removed, nothing else. */
static bool remove_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, rc;

	if (lstat(sa->sun_path, &st) != 0)
		return errno == ENOENT;
	errno = EADDRINUSE;
	if (!S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (const struct sockaddr *)sa, sizeof *sa);
	close(fd);
	if (rc == 0) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(sa->sun_path) == 0;
}

static int unix_socket(const struct sockaddr_un *sa)
{
	int fd;

	if (!remove_stale(sa))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Before bind: the file is never open to others, not even for a moment. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
	    bind(fd, (const struct sockaddr *)sa, sizeof *sa) != 0) {
		int sys = errno;

		close(fd);
		errno = sys;
		return -1;
	}
	return fd;
}

bool listen_unix(struct http_server *s, struct err *e)
{
	const char *path = s->config.unix_path;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct loop *l = &s->loops[0];
	size_t n = strlen(path);
	int fd, rc;

	if (n >= sizeof sa.sun_path)
		return listen_fail(e, path, ENAMETOOLONG);
	memcpy(sa.sun_path, path, n);
	fd = unix_socket(&sa);
	if (fd < 0)
		return listen_fail(e, path, errno);
	s->unix_path = strdup(path);
	rc = uv_pipe_init(&l->uv, &l->unix_listener, 0);
	if (rc == 0)
		rc = uv_pipe_open(&l->unix_listener, fd);
	if (rc != 0) {
		close(fd);
		return listen_fail(e, path, -rc);
	}
	l->has_unix_listener = true;
	l->unix_listener.data = l;
	rc = uv_listen((uv_stream_t *)&l->unix_listener, BACKLOG, on_unix_connection);
	return rc == 0 || listen_fail(e, path, -rc);
}
