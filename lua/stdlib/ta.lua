--- Indicators. Names, argument order and conventions are Pine Script's.
--
-- Every function gives a series (or named series: ta.bb(...).upper); index it: ta.rsi(m.close, 14)[0]. Values are
-- computed once per closed bar in C and shared by all traders that ask for the same; a call is a look-up. NaN during the
-- warm-up. A family of functions has a file of its own; this one is all of them.
local M = {}

for _, family in ipairs {
  "expression", "ta_average", "ta_momentum", "ta_statistic", "ta_range", "ta_trend", "ta_volume", "ta_event", "ta_structure", "ta_pattern",
} do
  for name, f in pairs(require(family)) do
    assert(M[name] == nil, name)
    M[name] = f
  end
end

return M
