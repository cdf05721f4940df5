/* SPDX-License-Identifier: MIT
 *
 * Whole-store acts of the operator. */
#ifndef STORE_UPKEEP_H
#define STORE_UPKEEP_H

#include "store/db.h"

/* Adds a line for each row that breaks a rule which no constraint can state. */
bool store_invariants(struct store *s, struct arena *a, struct strs *problems, struct err *e) MUST_CHECK;

#endif
