-- SPDX-License-Identifier: MIT
package.path = debug.getinfo(1, 'S').source:match('^@(.*)exchange.lua$') .. '?.lua;' .. package.path
local lines = require('lines')
local list, client, at = lines.read('codes.txt'), lines.read('client.txt'), tonumber(os.getenv('BENCH_SKIP') or 0)
local headers = { ['Content-Type'] = 'application/x-www-form-urlencoded' }
request = function()
	at = at % #list + 1
	return wrk.format('POST', '/api/auth/mcp/token', headers, 'grant_type=authorization_code&code=' .. list[at] ..
		'&redirect_uri=https%3A%2F%2Fbench.example%2Fcb&client_id=' .. client[1] .. '&client_secret=' .. client[2])
end
