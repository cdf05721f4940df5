-- SPDX-License-Identifier: MIT
-- Reads a list of plain texts that bench_seed wrote; one line a request, round and round.
local M = {}
function M.read(name)
	local list = {}
	for line in io.lines(os.getenv('BENCH_DIR') .. '/' .. name) do list[#list + 1] = line end
	return list
end
return M
