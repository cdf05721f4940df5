#!/bin/sh
# SPDX-License-Identifier: MIT
# link_static.sh IN.a OUT.a DIRECTORY: IN as one object whose hidden symbols are local.
set -eu
mkdir -p "$3"
rm -f "$2" "$3/bi18n.o"
ld -r -o "$3/bi18n.o" --whole-archive "$1"
objcopy --localize-hidden "$3/bi18n.o"
ar rcs "$2" "$3/bi18n.o"
