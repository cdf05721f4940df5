/* SPDX-License-Identifier: MIT */
#include "store/driver_int.h"

const struct sql_text sql_texts[SQL_COUNT] = {
#define SQL(name, text) [SQL_##name] = { #name, text, text },
#define SQL2(name, sqlite, postgres) [SQL_##name] = { #name, sqlite, postgres },
#include "store/sql.def"
#undef SQL
#undef SQL2
};
