/* SPDX-License-Identifier: MIT
 *
 * One HTTP exchange, as something that tests can stand in for. The real one is libcurl. */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include "client/pool.h"

enum { TRANSPORT_HEADERS_MAX = 8 };

struct transport_request {
	const char *method, *url;
	const char *headers[TRANSPORT_HEADERS_MAX];    /* "Name: value"                            */
	size_t      headers_n;
	str         body;                              /* absent: none                             */
	bool        repeatable;                        /* false: may never be sent twice, not even
	                                                * by the transport itself                  */
	int64_t     timeout_ms, connect_timeout_ms;    /* over 0                                   */
	size_t      answer_bytes_max;
	const struct bi18n_cancel *cancel;             /* may be NULL                              */
	void      (*waiting)(void *waiter);            /* called every half second; may be NULL    */
	void       *waiter;
};

struct transport_answer {
	int         status;
	str         body;                              /* NUL behind it                            */
	const char *content_type, *etag, *retry_after, *date; /* never NULL                        */
};

enum transport_result {
	TRANSPORT_ANSWERED,
	TRANSPORT_FAILED,                              /* no whole answer; may have been carried out */
	TRANSPORT_TOO_BIG,
	TRANSPORT_CANCELED,
	TRANSPORT_NOMEM
};

struct transport {
	void *context;
	/* Thread-safe. Never follows a redirect. `why`: for the log, without secrets. */
	enum transport_result (*send)(void *context, const struct transport_request *request, struct pool *pool,
	                              struct transport_answer *out, char why[BI18N_MESSAGE_MAX]);
	void (*close)(void *context);
};

/* Shares connections among calls. false: no memory. */
bool transport_curl_open(const struct bi18n_allocator *alloc, const char *ca_file, const char *user_agent,
                         struct transport *out) MUST_CHECK;

bool cancel_asked(const struct bi18n_cancel *cancel);          /* NULL: false */

#endif
