/* SPDX-License-Identifier: MIT
 *
 * A new server key: what was sealed under the old one is sealed anew, in one transaction. */
#include "access/bearer.h"

#include "crypto/crypto.h"
#include "store/bearer.h"

enum { PAGE_ROWS = 1000, PAGE_ARENA_BYTES = 256 * 1024 };

static bool rewrap_one(struct db *db, struct arena *a, const struct family_secret *f,
		       const struct settings *from, const struct settings *to, struct err *e)
{
	uint8_t secret[KEY_BYTES];
	str sealed;

	if (!family_secret_unseal(a, from, f->id, f->sealed, secret))
		return err_set(e, ERR_PRECONDITION_FAILED,
			       "refresh family %lld is not sealed under this server key",
			       (long long)f->id);
	sealed = family_secret_seal(a, to, f->id, secret);
	wipe(secret, sizeof(secret));
	return store_family_secret_set(db, a, f->id, sealed, e);
}

bool family_secrets_rewrap(struct db *db, const struct settings *from, const struct settings *to,
			   int64_t *n_out, struct err *e)
{
	struct arena *a = arena_create(PAGE_ARENA_BYTES);
	struct family_secret_list page;
	int64_t after = 0, n = 0;
	bool ok;

	do {
		arena_reset(a);
		ok = store_family_secrets(db, a, after, PAGE_ROWS, &page, e);
		for (size_t i = 0; ok && i < page.n; i++) {
			ok = rewrap_one(db, a, &page.v[i], from, to, e);
			after = page.v[i].id;
			n++;
		}
	} while (ok && page.n == PAGE_ROWS);
	arena_destroy(a);
	if (ok)
		*n_out = n;
	return ok;
}
