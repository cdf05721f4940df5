/* SPDX-License-Identifier: MIT
 *
 * Settings from a table of rows: flag, then environment, then INI file, then default, with ranges
 * checked and the source of each value remembered. The rows belong to the caller; this knows none of
 * them by name. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/err.h"
#include "base/json.h"

enum config_type {
	CONFIG_INT, CONFIG_SIZE,       /* bytes; in text also 64k, 16m, 1g             */
	CONFIG_TIME_S, CONFIG_TIME_MS, /* in text also 500ms, 90s, 15m, 24h, 30d       */
	CONFIG_BOOL,                   /* 1 0 true false yes no on off                 */
	CONFIG_STR,                    /* min..max: bytes                              */
	CONFIG_SECRET,                 /* a STR that is never shown                    */
};

struct config_row {
	const char      *name;         /* snake_case                                   */
	enum config_type type;
	const char      *initial_text; /* STR, SECRET                                  */
	int64_t          initial;      /* the others                                   */
	int64_t          min, max;
	const char      *meaning;
};

struct config;

/* rows must outlive it. Everything starts at its default. */
struct config *config_create(const struct config_row *rows, size_t n);
void config_destroy(struct config *c);

/* Each reads one source; a later call wins over earlier ones, so call them in the order file,
 * environment, flags. Errors name setting, source, value and range. */
/* "name = value" a line; a missing file is fine. Sections, a name given twice, an unknown name and
 * lines over 198 bytes are errors. */
bool config_read_file(struct config *c, const char *path, struct err *e) MUST_CHECK;
/* BI18N_<NAME>; an unknown BI18N_ name is no error (other programs may use it). */
bool config_read_environment(struct config *c, const char *prefix, struct err *e) MUST_CHECK;
bool config_set(struct config *c, str name, str value, const char *source, struct err *e) MUST_CHECK;

int64_t config_i64(const struct config *c, size_t row);
bool config_bool(const struct config *c, size_t row);
str  config_str(const struct config *c, size_t row);
str  config_str_named(const struct config *c, str name);

/* [{name, value, source, default, min, max, meaning}], in table order; secrets are "***" when set. */
void config_write(const struct config *c, struct json_out *o);

#endif
