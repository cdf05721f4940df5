/* SPDX-License-Identifier: MIT */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void address_from_v4(const void *four, struct address *out)
{
	memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
	memcpy(out->bytes + sizeof v4_prefix, four, 4);
}

static bool address_is_v4(const struct address *a)
{
	return memcmp(a->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

bool address_from_socket(const struct sockaddr *sa, struct address *out)
{
	if (sa->sa_family == AF_INET) {
		address_from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, out);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

bool address_parse(str text, struct address *out)
{
	char copy[ADDRESS_TEXT_BYTES];
	uint8_t four[4];

	if (text.n == 0 || text.n >= sizeof copy)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, four) == 1) {
		address_from_v4(four, out);
		return true;
	}
	return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

str address_text(const struct address *a, char out[ADDRESS_TEXT_BYTES])
{
	const char *done = address_is_v4(a)
	        ? inet_ntop(AF_INET, a->bytes + sizeof v4_prefix, out, ADDRESS_TEXT_BYTES)
	        : inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_BYTES);

	return str_from(done);
}

static bool network_parse(str text, struct network *out)
{
	str rest = text, address;
	int64_t bits = 128, most;

	if (!str_cut(&rest, '/', &address) || !address_parse(address, &out->address))
		return false;
	most = address_is_v4(&out->address) ? 32 : 128;
	if (rest.p == NULL)
		bits = most;
	else if (!str_i64(rest, 0, most, &bits))
		return false;
	out->bits = (unsigned)(bits + 128 - most);
	return true;
}

bool networks_parse(const char *text, struct networks *out, struct err *e)
{
	static const char separators[] = " ,\t";

	out->n = 0;
	for (const char *p = text == NULL ? "" : text; *p != '\0';) {
		str word = { p, strcspn(p, separators) };

		p += word.n;
		p += strspn(p, separators);
		if (word.n == 0)
			continue;
		if (out->n == NETWORKS_MAX)
			return err_set(e, ERR_INVALID_REQUEST, "trusted_proxies: more than %d networks",
			               NETWORKS_MAX);
		if (!network_parse(word, &out->v[out->n]))
			return err_set(e, ERR_INVALID_REQUEST, "trusted_proxies: '" FMT_STR
			               "' is not an address or network", ARG_STR(word));
		out->n++;
	}
	return true;
}

static bool network_has(const struct network *n, const struct address *a)
{
	size_t whole = n->bits / 8;
	unsigned rest = n->bits % 8;

	if (memcmp(n->address.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (n->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

bool networks_has(const struct networks *n, const struct address *a)
{
	for (size_t i = 0; i < n->n; i++)
		if (network_has(&n->v[i], a))
			return true;
	return false;
}

bool address_forwarded(const struct networks *trusted, str forwarded_for, struct address *out)
{
	str rest = forwarded_for;
	bool found = false;

	while (rest.n > 0) {
		const char *comma = memrchr(rest.p, ',', rest.n);
		size_t from = comma == NULL ? 0 : (size_t)(comma - rest.p) + 1;

		/* An entry that is no address ends the chain of what can be believed. */
		if (!address_parse(str_trim(str_from_at(rest, from)), out))
			return false;
		found = true;
		if (!networks_has(trusted, out))
			return true;
		rest.n = from == 0 ? 0 : from - 1;
	}
	return found;
}

static bool listen_refuse(struct err *e, const char *text)
{
	return err_set(e, ERR_INVALID_REQUEST,
	               "listen '%s': must be an address and a port, as 127.0.0.1:52490 or [::1]:52490",
	               text);
}

bool address_listen(const char *text, struct sockaddr_storage *out, socklen_t *bytes_out,
                    struct err *e)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in6 *six = (void *)out;
	struct sockaddr_in *four = (void *)out;
	char host[ADDRESS_TEXT_BYTES];
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	bool bracketed = n >= 2 && text[0] == '[' && text[n - 1] == ']';
	int64_t port;

	if (n == 0 || n - (bracketed ? 2 : 0) >= sizeof host)
		return listen_refuse(e, text);
	(void)snprintf(host, sizeof host, "%.*s", (int)(bracketed ? n - 2 : n), text + bracketed);
	if (!str_i64(str_from(colon + 1), 0, 65535, &port))
		return listen_refuse(e, text);
	memset(out, 0, sizeof *out);
	if (bracketed && inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		*bytes_out = sizeof *six;
		return true;
	}
	if (bracketed || inet_pton(AF_INET, host, &four->sin_addr) != 1)
		return listen_refuse(e, text);
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	*bytes_out = sizeof *four;
	return true;
}
