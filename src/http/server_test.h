/* SPDX-License-Identifier: MIT
 *
 * What the server tests share: a server with one route a behaviour, and raw clients. Tests only. */
#ifndef HTTP_SERVER_TEST_H
#define HTTP_SERVER_TEST_H

#include <stdatomic.h>

#include "base/test.h"
#include "http/http.h"

enum { ANSWER_BYTES = 4 * 1024 * 1024, PATIENCE_MS = 5000 };

struct answer {
	char   text[ANSWER_BYTES];
	size_t n;
	bool   closed;       /* the server ended the connection                                 */
	long   ms;           /* until then                                                      */
};

/* Deadlines are short here: header 400 ms, body 600, idle 2000, write 800. Zero members of `extra` are
 * left as they are. */
struct http_server *test_server(const struct http_config *extra);
void test_server_end(struct http_server *s);
int  test_port(void);                        /* of a server that all tests share                */

int  client_open(int port);
void client_send(int fd, str bytes);
/* Reads until the server closes or `quiet_ms` pass without a byte. */
struct answer *client_read(int fd, int quiet_ms);
/* Reads until `text` has come, or the server closes, or patience ends. */
struct answer *client_wait(int fd, const char *text);
/* One connection: sends, reads to the end, closes. */
struct answer *talk(str bytes);

bool answer_has(const struct answer *a, const char *text);
int  answer_count(const struct answer *a, const char *text);
int  answer_status(const struct answer *a);  /* of the first answer; 0: none                    */

extern atomic_int done_calls, stream_refused, late_answers, access_calls;
extern atomic_llong access_bytes;
#endif
