-- SPDX-License-Identifier: MIT
package.path = debug.getinfo(1, 'S').source:match('^@(.*)refresh.lua$') .. '?.lua;' .. package.path
local lines = require('lines')
local list, client, at = lines.read('refresh.txt'), lines.read('client.txt'), 0
local headers = { ['Content-Type'] = 'application/x-www-form-urlencoded' }
request = function()
	at = at % #list + 1
	return wrk.format('POST', '/api/auth/mcp/token', headers, 'grant_type=refresh_token&refresh_token=' .. list[at] ..
		'&client_id=' .. client[1] .. '&client_secret=' .. client[2])
end
