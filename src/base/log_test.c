/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "base/arena.h"

#include "base/test.h"

#include <string.h>
#include <unistd.h>

static char seen[16384];

/* What the last event wrote, behind its time. */
static str line_since(int fd)
{
	ssize_t n = read(fd, seen, sizeof(seen));

	CHECK(n > 25 && seen[n - 1] == '\n');
	return str_from_at((str){ seen, (size_t)n - 1 }, 25);
}

static void open_pipe(int ends[2], enum log_level least)
{
	CHECK(pipe(ends) == 0);
	log_open(ends[1], least);
}

static void close_pipe(int ends[2])
{
	log_open(STDERR_FILENO, LOG_INFO);
	close(ends[0]);
	close(ends[1]);
}

TEST(log_writes_one_line_of_pairs_and_quotes_when_needed)
{
	int ends[2];

	open_pipe(ends, LOG_INFO);
	log_event(LOG_INFO, "listen", "addr=%s port=%d who=" FMT_STR " n=%zu pct=%d%% empty=%s",
	          "127.0.0.1", 80, ARG_STR(S("a b")), (size_t)7, 5, "");
	CHECK_STR(line_since(ends[0]),
	          S("info listen addr=127.0.0.1 port=80 who=\"a b\" n=7 pct=5% empty=\"\""));
	log_event(LOG_WARN, "plain", "%s", "");
	CHECK_STR(line_since(ends[0]), S("warn plain \"\""));
	log_event(LOG_ERROR, "bare", "x=%08.3f y=%-4s| z=%lld c=%c h=%x", 1.5, "ab", 12345678901LL, 'c',
	          255);
	CHECK_STR(line_since(ends[0]),
	          S("error bare x=0001.500 y=\"ab  |\" z=12345678901 c=c h=ff"));
	close_pipe(ends);
}

TEST(log_lets_no_value_write_lines_or_pairs_of_its_own)
{
	int ends[2];

	open_pipe(ends, LOG_INFO);
	log_event(LOG_INFO, "x", "agent=%s", "a\n2026 error fake k=v \"q\"\x01\x7f");
	CHECK_STR(line_since(ends[0]),
	          S("info x agent=\"a\\n2026 error fake k=v \\\"q\\\"\\x01\\x7f\""));
	close_pipe(ends);
}

TEST(log_leaves_out_what_is_below_its_level)
{
	int ends[2];

	open_pipe(ends, LOG_WARN);
	log_event(LOG_INFO, "hidden", "a=%d", 1);
	log_event(LOG_WARN, "shown", "a=%d", 1);
	CHECK_STR(line_since(ends[0]), S("warn shown a=1"));
	close_pipe(ends);
}

#define PAYLOAD "0123456789abcdefghijABCDEF"

TEST(log_never_shows_a_token)
{
	int ends[2];

	open_pipe(ends, LOG_INFO);
	log_event(LOG_INFO, "x", "t=%s", "Bearer bi_oat_" PAYLOAD " and rt_" PAYLOAD ".");
	CHECK_STR(line_since(ends[0]), S("info x t=\"Bearer bi_oat_*** and rt_***.\""));
	close_pipe(ends);
}

TEST(log_redact_knows_every_kind_and_spares_short_words)
{
	char text[] = "bi_oat_" PAYLOAD " bi_at_" PAYLOAD " bi_ac_" PAYLOAD " bi_cs_" PAYLOAD
		" bi_dc_" PAYLOAD " bi_rat_" PAYLOAD " bi_pub_" PAYLOAD " rt_" PAYLOAD " bi-" PAYLOAD
		" bi_se_" PAYLOAD " bi_ar_" PAYLOAD "?bi-lingual start_up rt_0123456789abcdefghi";
	size_t n = log_redact(text, sizeof(text) - 1);

	CHECK_STR(((str){ text, n }),
	          S("bi_oat_*** bi_at_*** bi_ac_*** bi_cs_*** bi_dc_*** bi_rat_*** bi_pub_*** rt_***"
	            " bi-*** bi_se_*** bi_ar_***?bi-lingual start_up rt_0123456789abcdefghi"));
}

TEST(log_keeps_the_public_id_of_a_grant)
{
	char text[] = "grant=grt_" PAYLOAD " token=rt_" PAYLOAD;
	size_t n = log_redact(text, sizeof(text) - 1);

	CHECK_STR(((str){ text, n }), S("grant=grt_" PAYLOAD " token=rt_***"));
}

TEST(log_shows_no_part_of_a_token_where_a_long_value_is_cut)
{
	char value[4096];
	int ends[2];

	for (size_t shift = 0; shift < 60; shift++) {
		str line;

		memset(value, '.', sizeof(value));
		memcpy(value + 2048 - shift, "bi_oat_" PAYLOAD, 33);
		value[sizeof(value) - 1] = '\0';
		open_pipe(ends, LOG_INFO);
		log_event(LOG_INFO, "x", "v=%s w=%d", value, 1);
		line = line_since(ends[0]);
		CHECK(str_find(line, S("012345")) < 0);
		CHECK(str_find(line, S("…")) > 0);
		CHECK(str_ends(line, S(" w=1")));
		close_pipe(ends);
	}
}
