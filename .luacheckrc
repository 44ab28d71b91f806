-- Traders and the standard library run in LuaJIT with the sandbox's globals; specs have busted's besides.
std = "luajit"
max_line_length = 160
-- "not (x > y)" is not "x <= y" where NaN is about, and here it always is.
ignore = {"581"}
exclude_files = {"build", "spec/node_modules"}

local SANDBOX = {"trader", "input", "ta", "helpers", "na", "nz", "print", "log", "json", "series"}

files["lua/stdlib"] = {std = "luajit", globals = SANDBOX}
files["lua/stdlib/sandbox.lua"] = {ignore = {"122"}} -- it takes string.dump and its like away
for _, folder in ipairs {"lua/traders", "bench/traders", "spec/lua/traders", "spec/c"} do
  files[folder] = {std = "luajit", read_globals = SANDBOX}
end
files["spec"] = {std = "luajit+busted"}
