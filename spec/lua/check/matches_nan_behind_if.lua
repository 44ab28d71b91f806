-- expect: matches-nan 5:8
return trader {
  name = "What follows an if", interval = "5m",
  filter = function(m)
    if ta.rsi(m.close, 14)[0] > 30 then return false end
    return true
  end,
}
