--- `pairs` and `next` for the scripts and for the standard library itself.
--
-- A loop over Lua's own `pairs` or `next` is compiled to an instruction that LuaJIT rewrites when it gives up on compiling a
-- loop around another one. In the LuaJIT of Debian 12 (March 2022; mended upstream a month later) a loop that runs at that
-- moment ends early, without a word: a loop over five entries counts one. Any other function in their place gets the
-- plain instruction from the first time on.
local fail = require "fail"

local raw_next, type = next, type

local function table_of(value, name)
  if type(value) == "table" then return value end
  return fail(("%s: found %s%s; expected a table"):format(name, value == nil and "" or "a ", type(value)))
end

local M = {}

function M.next(t, key) return raw_next(table_of(t, "next"), key) end

local function step(t, key) return raw_next(t, key) end

function M.pairs(t) return step, table_of(t, "pairs"), nil end

return M
