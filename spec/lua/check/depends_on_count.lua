-- expect: depends-on-history 5:8
return trader {
  name = "Enough bars", interval = "5m",
  filter = function(m)
    if m.count < 500 then return false end
    return m.close[0] > m.open[0]
  end,
}
