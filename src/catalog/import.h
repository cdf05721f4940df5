/* SPDX-License-Identifier: MIT
 *
 * A file of texts into one language of a project. Rulings R28 to R31; contract "own-interfaces". */
#ifndef CATALOG_IMPORT_H
#define CATALOG_IMPORT_H

#include "access/act.h"
#include "base/field.h"

struct import_in { str project, language, namespace, format, path, content; bool draft, dry_run; };
struct import_skipped { str key, reason; };
struct import_out {
	int64_t keys_created, keys_updated, texts_written;
	struct list skipped;                           /* of struct import_skipped */
	/* the project did not have the language yet */
	bool language_added;
};
extern const struct field import_in_fields[], import_out_fields[];

/* Slow lane. A value that is there already writes nothing. Keys that the project lacks are made,
 * whichever the language. Nothing is deleted. A file that cannot be read, or that fails on the way,
 * leaves the project as it was. */
bool import_texts(const struct act *act, const void *in, void *out, struct err *e) MUST_CHECK;

#endif
