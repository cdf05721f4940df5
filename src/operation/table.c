/* SPDX-License-Identifier: MIT
 *
 * Joins the rows of the domains into one table. */
#include "operation/operation.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { ROWS_MAX = 256, SLOTS = 1024 };

#define DOMAINS(X) X(access) X(oauth) X(catalog) X(publish) X(upkeep)
#define X(domain) extern const struct operation domain##_operations[]; extern const size_t domain##_operations_n;
DOMAINS(X)
#undef X

static struct operation rows[ROWS_MAX];
static size_t rows_n;
static uint16_t slots[SLOTS];       /* row number + 1 by hash of the name */
static pthread_once_t joined = PTHREAD_ONCE_INIT;

static size_t slot_of(str name)
{
	size_t i = (size_t)str_hash(name) % SLOTS;

	while (slots[i] != 0 && !str_eq(str_from(rows[slots[i] - 1].name), name))
		i = (i + 1) % SLOTS;
	return i;
}

static void add(const struct operation *more, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t slot;

		assert(rows_n < ROWS_MAX);
		slot = slot_of(str_from(more[i].name));
		assert(slots[slot] == 0);       /* two rows of one name */
		rows[rows_n++] = more[i];
		slots[slot] = (uint16_t)rows_n;
	}
}

static void join(void)
{
#define X(domain) add(domain##_operations, domain##_operations_n);
	DOMAINS(X)
#undef X
}

size_t operation_table(const struct operation **rows_out)
{
	pthread_once(&joined, join);
	*rows_out = rows;
	return rows_n;
}

const struct operation *operation_find(str name)
{
	uint16_t slot;

	pthread_once(&joined, join);
	slot = slots[slot_of(name)];
	return slot == 0 ? NULL : &rows[slot - 1];
}
