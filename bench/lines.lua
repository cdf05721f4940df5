-- SPDX-License-Identifier: MIT
-- The lines of a file.
local M = {}
function M.read(path)
	local list = {}
	for line in io.lines(path) do list[#list + 1] = line end
	return list
end
return M
