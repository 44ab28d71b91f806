-- expect: series-as-number 5:10 series-as-number 10:12
-- A helper is no function of the trader: it is the call that says what its parameter is.
local function is_up(bars)
  local up = bars.close:gt(bars.open)
  return up and true or false
end
return trader {
  name = "A series is always true", interval = "5m",
  filter = function(m)
    return m.volume and is_up(m)
  end,
}
