-- expect: matches-nan 9:12
-- The comparison is in a helper, the `not` in the filter.
local function is_high(m)
  return ta.rsi(m.close, 14)[0] > 70
end
return trader {
  name = "not of a helper", interval = "5m",
  filter = function(m)
    return not is_high(m)
  end,
}
