-- Traders and the standard library run in LuaJIT with the sandbox's globals; specs have busted's besides.
std = "luajit"
max_line_length = 160
-- "not (x > y)" is not "x <= y" where NaN is about, and here it always is.
ignore = {"581"}
-- Traders in spec/lua/check are wrong on purpose.
exclude_files = {"build", "spec/node_modules", "bench/node_modules", "spec/lua/check"}

local SANDBOX = {"trader", "input", "ta", "helpers", "na", "nz", "print", "log", "json", "series", "plot", "prompt"}

files["lua/stdlib"] = {std = "luajit", globals = SANDBOX}
files["lua/stdlib/sandbox.lua"] = {ignore = {"122"}} -- it takes string.dump and its like away
for _, folder in ipairs {"lua/traders", "bench/traders", "spec/lua/traders", "spec/c", "docs/examples"} do
  files[folder] = {std = "luajit", read_globals = SANDBOX, ignore = {"212/m"}} -- a function of a trader gets m, used or not
end
files["lua/trademind.d.lua"] = {globals = SANDBOX, ignore = {"112", "121", "122", "211", "212", "221", "241", "631"}}
files["lua/template/trader.lua"] = {std = "luajit", read_globals = SANDBOX}
files["lua/template/trader_spec.lua"] = {std = "luajit+busted"}
files["spec"] = {std = "luajit+busted"}
files["lua/traders/*_spec.lua"] = {std = "luajit+busted"}
