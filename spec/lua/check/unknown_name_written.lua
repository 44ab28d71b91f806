-- expect: unknown-name 7:5
-- Only where the filter comes to it.
return trader {
  name = "A global in a branch that is rarely run", interval = "5m",
  filter = function(m)
    if m.close[0] < 1e9 then return m.close[0] > m.open[0] end
    hits = 1
    return false
  end,
}
