-- SPDX-License-Identifier: MIT
package.path = debug.getinfo(1, 'S').source:match('^@(.*)mint.lua$') .. '?.lua;' .. package.path
local list = require('lines').read(os.getenv('BENCH_LIST'))
local requests, at = {}, 0
for i, line in ipairs(list) do
	local grant, token = line:match('^(%S+) (%S+)$')
	requests[i] = { '/api/oauth-client/installations/' .. grant .. '/tokens', 'Bearer ' .. token }
end
request = function()
	at = at % #requests + 1
	return wrk.format('POST', requests[at][1], { Authorization = requests[at][2] }, '')
end
