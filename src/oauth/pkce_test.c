/* SPDX-License-Identifier: MIT */
#include "oauth/pkce.h"

#include "base/test.h"

#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

TEST(pkce_accepts_rfc7636_appendix_b)
{
	CHECK(pkce_s256_matches(S(VERIFIER), S(CHALLENGE)));
}

TEST(rule_090_pkce_refuses_another_verifier)
{
	CHECK(!pkce_s256_matches(S("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"), S(CHALLENGE)));
	CHECK(!pkce_s256_matches(S(CHALLENGE), S(CHALLENGE)));
	CHECK(!pkce_s256_matches(S(""), S(CHALLENGE)));
	CHECK(!pkce_s256_matches(S(VERIFIER), S("")));
}

TEST(rule_089_pkce_lengths_and_characters)
{
	char long_verifier[129];

	for (size_t i = 0; i < sizeof(long_verifier); i++)
		long_verifier[i] = '~';
	CHECK(pkce_verifier_is_sane((str){ long_verifier, 128 }));
	CHECK(!pkce_verifier_is_sane((str){ long_verifier, 129 }));
	CHECK(pkce_verifier_is_sane((str){ long_verifier, 43 }));
	CHECK(!pkce_verifier_is_sane((str){ long_verifier, 42 }));
	long_verifier[3] = '+';
	CHECK(!pkce_verifier_is_sane((str){ long_verifier, 43 }));
	CHECK(pkce_challenge_is_sane(S(CHALLENGE)));
	CHECK(!pkce_challenge_is_sane(S(CHALLENGE "A")));
	CHECK(!pkce_challenge_is_sane(S("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")));
}
