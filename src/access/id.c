/* SPDX-License-Identifier: MIT */
#include "access/id.h"

#include "crypto/crypto.h"

str id_uuid(struct arena *a)
{
	return uuid_v4(a);
}

str id_public(struct arena *a, str prefix)
{
	return public_id(a, prefix);
}
