-- SPDX-License-Identifier: MIT
-- Posts forms for wrk (-t1), as the environment says:
--   BENCH_PATH, BENCH_FORM   where to, and what every form holds
--   BENCH_LIST               file whose lines end the forms, in order and again from the start; without it all are the same
--   BENCH_USE                once:  each line once; the run ends with the list and says how long it lasted
--                            chain: the refresh token of an answer takes the place of the line it was got with
package.path = debug.getinfo(1, 'S').source:match('^@(.*)form.lua$') .. '?.lua;' .. package.path
local ffi = require('ffi')
ffi.cdef('typedef struct { long s, us; } bench_time; int gettimeofday(bench_time *, void *);')

local path, form, list, use = os.getenv('BENCH_PATH'), os.getenv('BENCH_FORM'), os.getenv('BENCH_LIST'), os.getenv('BENCH_USE')
local headers = { ['Content-Type'] = 'application/x-www-form-urlencoded' }
local first, last = 1, 0
local began

local function seconds()
	local now = ffi.new('bench_time')
	ffi.C.gettimeofday(now, nil)
	return tonumber(now.s) + tonumber(now.us) / 1e6
end

local function following()
	local line = list[first]
	if line == nil then
		lasted = lasted or seconds() - began
		wrk.thread:stop()
		return nil
	end
	list[first] = nil
	first = first + 1
	if use ~= 'once' and use ~= 'chain' then
		last = last + 1
		list[last] = line
	end
	return line
end

local function request_with_line()
	began = began or seconds()
	local line = following()
	return line and wrk.format('POST', path, headers, form .. line) or wrk.format('GET', '/')
end

local function keep_successor(status, _, body)
	local token = status == 200 and body:match('"refresh_token"%s*:%s*"([^"]*)"')
	if token then
		last = last + 1
		list[last] = token
	end
end

if list then
	list = require('lines').read(list)
	last = #list
	request = request_with_line
	if use == 'chain' then response = keep_successor end
else
	wrk.method, wrk.path, wrk.headers, wrk.body = 'POST', path, headers, form
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end
function done()
	local lasted = threads[1]:get('lasted')
	if lasted then print('List lasted ' .. lasted .. ' s') end
end
