/* SPDX-License-Identifier: MIT
 *
 * Header texts of credentials, parsed before anything is looked up: the same for every channel.
 * Sources: RFC 6750 section 2, RFC 7617, RFC 6749 section 2.3.1; contract rules 23, 24, 28, 29,
 * 108, 162, 165. */
#ifndef OPERATION_CREDENTIAL_H
#define OPERATION_CREDENTIAL_H

#include "operation/operation.h"

enum { CREDENTIAL_BYTES_MAX = 4096, BASIC_BYTES_MAX = 2048 };

enum authorization {
	AUTHORIZATION_NONE,      /* not sent, blank, or a scheme that nothing here knows: as if nothing was sent */
	AUTHORIZATION_BEARER,    /* *token_out is set                                                            */
	AUTHORIZATION_BASIC,     /* *token_out is the encoded part: basic_read                                   */
};

/* Scheme in any case, then exactly one token68 of at most CREDENTIAL_BYTES_MAX.
 * ERR_INVALID_TOKEN: characters or a length that no token has. ERR_INVALID_REQUEST: several
 * credentials. */
bool authorization_read(str header, enum authorization *kind_out, str *token_out, struct err *e) MUST_CHECK;

/* id and secret of a Basic credential, form-decoded when they can be; raw otherwise, because some
 * clients send them raw. false: not base64, no colon, too long, or not UTF-8;
 * ERR_INVALID_REQUEST. Results live in `a`. */
bool basic_read(struct arena *a, str encoded, str *id_out, str *secret_out, struct err *e) MUST_CHECK;

/* Both headers of a request to what they claim. basic: a client may authenticate itself here
 * (else Basic is an unknown scheme). session and local are left alone. */
bool credential_read(struct arena *a, str authorization, str api_key, bool basic, struct credential *out,
                     struct err *e) MUST_CHECK;

/* ERR_INVALID_REQUEST when the query of an address carries a token: it would lie in logs and
 * histories (rule 28). */
bool credential_not_in_query(const struct param *params, size_t params_n, struct err *e) MUST_CHECK;

#endif
