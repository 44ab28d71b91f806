-- Every name that a trader finds, one a line, as the real sandbox gives it: "ta.sma", "s:gt", "m.close", "na", "fields.interval",
-- "result.match". A program of its own (luajit spec/registry.lua): the sandbox takes Lua's own functions away.
local ffi = require "ffi"
local write, getupvalue, modules = io.write, debug.getupvalue, package.loaded
local tm = require "spec.tm"

package.path = "lua/stdlib/?.lua;" .. package.path

-- The environment of a script is what the sandbox gives to setfenv.
local environment
local real_setfenv = setfenv
_G.setfenv = function(f, env)
  environment = env
  return real_setfenv(f, env)
end

local slots = ffi.new("script_slot[64]")
local context = ffi.new("script_context", {slots = slots})
local standard = {require = true}
for name in pairs(_G) do standard[name] = true end
standard.print = nil

local function same(f) return f end
local load_trader = assert(loadfile "lua/stdlib/sandbox.lua")(ffi.cast("void *", context), same, same).load
assert(tm.C.interval_parse("5m", 2) >= 0)
load_trader(0, "return trader {filter = function(m) return false end}", "registry.lua", "{}", "5m")

-- A local variable that a function of a module uses, however deep.
local function upvalue(f, wanted, seen)
  seen = seen or {}
  if seen[f] then return nil end
  seen[f] = true
  for i = 1, 60 do
    local name, value = getupvalue(f, i)
    if not name then return nil end
    if name == wanted then return value end
    local found = type(value) == "function" and upvalue(value, wanted, seen)
    if found then return found end
  end
end

local names = {}
local function add(name) names[#names + 1] = name end

for name, value in pairs(environment) do
  if not standard[name] and type(value) == "function" then add(name) end
  if not standard[name] and type(value) == "table" then
    for key in pairs(value) do add(name .. "." .. key) end
  end
end
for name in pairs(modules.series.methods) do add("s:" .. name) end
for _, name in ipairs(upvalue(modules.market.new, "known")) do add("m." .. name) end
for class, list in pairs {day = "DAY_FIELDS", ticker = "TICKER_FIELDS", universe = "UNIVERSE_FIELDS"} do
  for _, name in ipairs(upvalue(modules.market.new, list)) do add(class .. "." .. name) end
end
for _, name in ipairs(modules.prompt.signal_fields) do add("signal." .. name) end
for _, name in ipairs(upvalue(modules.trader.new, "FIELDS")) do add("fields." .. name) end
for _, name in ipairs(upvalue(modules.trader.result, "RESULT")) do add("result." .. name) end
table.sort(names)
write(table.concat(names, "\n"), "\n")
