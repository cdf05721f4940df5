/* SPDX-License-Identifier: MIT */
#include "client/slot.h"

#include <sched.h>

void slot_write(struct slot *slot, const char *token, int64_t renew_ms, int64_t expires_ms)
{
	uint64_t      words[SLOT_WORDS] = { 0 };
	uint_fast64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);

	memcpy(words, token, strnlen(token, BI18N_TOKEN_MAX - 1));
	/* Acquire-release, so that no word below is seen without the odd number above it. */
	atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
	for (size_t i = 0; i < SLOT_WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
	atomic_store_explicit(&slot->renew_ms, renew_ms, memory_order_release);
	atomic_store_explicit(&slot->expires_ms, expires_ms, memory_order_release);
	atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
	bi18n_wipe(words, sizeof(words));
}

bool slot_read(const struct slot *slot, enum slot_use use, int64_t now_ms, char token[BI18N_TOKEN_MAX],
               int64_t *expires_in_ms)
{
	for (;;) {
		uint64_t      words[SLOT_WORDS];
		uint_fast64_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
		int64_t       renew_ms, expires_ms;
		size_t        i = 0;

		if ((before & 1) != 0) {
			sched_yield();           /* the writer may have been stopped in the middle */
			continue;
		}
		renew_ms = atomic_load_explicit(&slot->renew_ms, memory_order_acquire);
		expires_ms = atomic_load_explicit(&slot->expires_ms, memory_order_acquire);
		/* A token of some words ends in a word with a zero byte; the rest is zero too. */
		do
			words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
		while (((const char *)&words[i])[sizeof(words[i]) - 1] != '\0' && ++i < SLOT_WORDS);
		if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != before)
			continue;
		if (now_ms >= (use == SLOT_FRESH ? renew_ms : expires_ms))
			return false;
		memcpy(token, words, (i < SLOT_WORDS ? i + 1 : i) * sizeof(words[0]));
		token[BI18N_TOKEN_MAX - 1] = '\0';
		if (expires_in_ms != NULL)
			*expires_in_ms = expires_ms - now_ms;
		return true;
	}
}
