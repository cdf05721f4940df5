#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the files of migrations/<database>/ as C tables: embed.py OUT.c FILE.sql...

A file is named NNNN_what.sql. The checksum is over its bytes, so a released file can never be
edited unnoticed."""
import hashlib
import os
import re
import sys


def c_bytes(data):
    lines = (data[i:i + 32] for i in range(0, len(data), 32))
    return ",\n\t".join(",".join(str(b - 256 if b > 127 else b) for b in line) for line in lines)


def main(out_path, files):
    tables = {"sqlite": [], "postgres": []}
    out = ['/* Made by src/store/embed.py. */\n#include "store/driver_int.h"\n']
    for path in sorted(files):
        database = os.path.basename(os.path.dirname(path))
        found = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", os.path.basename(path))
        if found is None or database not in tables:
            sys.exit(f"{path}: not named <database>/NNNN_what.sql")
        with open(path, "rb") as f:
            data = f.read()
        if b"\0" in data:
            sys.exit(f"{path}: contains a NUL byte")
        version, symbol = int(found[1]), f"{database}_{found[1]}"
        out.append(f"static const signed char {symbol}[] = {{\n\t{c_bytes(data + bytes(1))}\n}};\n")
        checksum = hashlib.sha256(data).hexdigest()
        row = f'\t{{ {version}, "{found[2]}", "{checksum}", (const char *){symbol} }},\n'
        tables[database].append((version, row))
    for database, rows in tables.items():
        if [version for version, _ in rows] != list(range(1, len(rows) + 1)):
            sys.exit(f"migrations/{database}: numbers must run from 1 without a gap")
        body = "".join(row for _, row in rows)
        out.append(f"const struct migration migrations_{database}[] = {{\n{body}\t{{ 0 }},\n}};\n")
    with open(out_path, "w", encoding="utf-8") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
