/* SPDX-License-Identifier: MIT
 *
 * Structured log, one line an event: time level event key=value …  Values are quoted when needed.
 * Every value passes the redactor: runs that look like one of our tokens (prefix table in
 * log.c, same prefixes as crypto/token.h) are written as "bi_oat_***". Only wiring and delivery log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_open(int fd, enum log_level least);   /* default: stderr, info */
/* Pairs of (key, FMT) are spelled in fmt: log_event(LOG_INFO, "listen", "addr=%s port=%d", …). Any thread;
 * one write(2) per line. */
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);
/* Redacts in place and returns the new length; exposed for tests and for error bodies. */
size_t log_redact(char *text, size_t n);

#endif
