/* SPDX-License-Identifier: MIT
 *
 * Unit tests: TEST(name) registers a case by itself; CHECK states what must hold. On top of cmocka.
 * One executable a module; `unit_base NAME…` runs only cases whose name contains NAME. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include "base/str.h"

void test_register(const char *name, void (*fn)(void));
void test_fail(const char *file, int line, const char *what);   /* does not return */
void test_skip(void);                                            /* nor does this  */

#define TEST(name) \
	static void name(void); \
	__attribute__((constructor)) static void name##_register(void) { test_register(#name, name); } \
	static void name(void)
#define CHECK(cond) ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, #cond))
#define CHECK_STR(got, want) test_str(__FILE__, __LINE__, (got), (want))
#define CHECK_I64(got, want) test_i64(__FILE__, __LINE__, (got), (want))
/* A fresh directory under $TMPDIR (else /tmp) whose name begins with `name`; its path into out. */
void test_directory(char *out, size_t size, const char *name);
void test_str(const char *file, int line, str got, str want);
void test_i64(const char *file, int line, int64_t got, int64_t want);

#endif
