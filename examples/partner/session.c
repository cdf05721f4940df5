/* SPDX-License-Identifier: MIT
 *
 * The sessions of this example are in memory and ask for a name only. Your application has
 * accounts; take the id of the account for `owner`, never something that the browser can choose. */
#include "app.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { SESSIONS_MAX = 256, RANDOM_BYTES = (SESSION_TEXT - 1) / 2 };

static struct session {
	char cookie[SESSION_TEXT], csrf[SESSION_TEXT], owner[OWNER_MAX];
} sessions[SESSIONS_MAX];
static size_t sessions_next; /* the oldest makes room */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool random_text(char out[SESSION_TEXT])
{
	unsigned char bytes[RANDOM_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

bool owner_is_sane(const char *owner)
{
	size_t n = strspn(owner, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < OWNER_MAX && owner[n] == '\0';
}

bool session_start(const char *owner, char cookie[SESSION_TEXT])
{
	struct session s;

	if (!random_text(s.cookie) || !random_text(s.csrf))
		return false;
	snprintf(s.owner, sizeof(s.owner), "%s", owner);
	snprintf(cookie, SESSION_TEXT, "%s", s.cookie);
	pthread_mutex_lock(&lock);
	sessions[sessions_next] = s;
	sessions_next = (sessions_next + 1) % SESSIONS_MAX;
	pthread_mutex_unlock(&lock);
	return true;
}

bool session_secret_is(const char secret[SESSION_TEXT], const char *said)
{
	unsigned char differ = 0;

	if (strlen(said) != SESSION_TEXT - 1)
		return false;
	for (size_t i = 0; i < SESSION_TEXT; i++)
		differ |= (unsigned char)(secret[i] ^ said[i]);
	return differ == 0;
}

bool session_find(const char *cookie, char owner[OWNER_MAX], char csrf[SESSION_TEXT])
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < SESSIONS_MAX && !found; i++) {
		found = session_secret_is(sessions[i].cookie, cookie);
		if (found) {
			memcpy(owner, sessions[i].owner, OWNER_MAX);
			memcpy(csrf, sessions[i].csrf, SESSION_TEXT);
		}
	}
	pthread_mutex_unlock(&lock);
	return found;
}
