-- expect: kept-between-calls 2:7
local last = {}
return trader {
  name = "Higher than when it was asked last", interval = "5m",
  filter = function(m)
    local before = last[m.symbol]
    last[m.symbol] = m.close[0]
    return before ~= nil and m.close[0] > before
  end,
}
