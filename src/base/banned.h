/* SPDX-License-Identifier: MIT
 *
 * Functions that invite mistakes do not compile here: a call becomes a name that nobody declares.
 * Each has a safer counterpart in base; randomness comes from crypto. The system's declarations
 * come first, so that its own headers are left in peace. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef alloca
#undef atoi
#undef gets
#undef gmtime
#undef localtime
#undef rand
#undef sprintf
#undef srand
#undef strcat
#undef strcpy
#undef strncpy
#undef strtok
#undef strtol
#undef vsprintf

#define alloca(...)    alloca_is_banned_use_arena_alloc
#define atoi(...)      atoi_is_banned_use_str_i64
#define gets(...)      gets_is_banned_use_read
#define gmtime(...)    gmtime_is_banned_use_clock_iso
#define localtime(...) localtime_is_banned_use_clock_iso
#define rand(...)      rand_is_banned_use_crypto
#define sprintf(...)   sprintf_is_banned_use_arena_printf
#define srand(...)     srand_is_banned_use_crypto
#define strcat(...)    strcat_is_banned_use_buf_str
#define strcpy(...)    strcpy_is_banned_use_arena_cstr
#define strncpy(...)   strncpy_is_banned_use_buf_str
#define strtok(...)    strtok_is_banned_use_str_cut
#define strtol(...)    strtol_is_banned_use_str_i64
#define vsprintf(...)  vsprintf_is_banned_use_arena_vprintf

#endif
