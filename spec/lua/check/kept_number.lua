-- expect: kept-between-calls 2:7
local hits = 0
return trader {
  name = "Every third time", interval = "5m",
  filter = function(m)
    if m.close[0] > m.open[0] then hits = hits + 1 end
    return hits % 3 == 0 and m.close[0] > m.open[0]
  end,
}
