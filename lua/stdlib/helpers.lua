--- Helpers: the names that filters for the browser app were written with, so that one can be ported line by line.
--
-- `klines` is the market: m, or m["1h"]; its newest bar has closed. What was an array beside the bars is a series (s[0] the
-- newest), an object is a table with the same fields, null is nil. All of it rests on `ta`; where the original gave something
-- else than its name says, the value here is the true one and the text says what the original did. A family of functions has
-- a file of its own; this one is all of them.
local M = {}

for _, family in ipairs {"helpers_average", "helpers_momentum", "helpers_structure", "helpers_volume"} do
  for name, f in pairs(require(family)) do
    assert(M[name] == nil, name)
    M[name] = f
  end
end

return M
