-- expect: matches-nan 5:43
return trader {
  name = "not (a > b) is not a <= b", interval = "5m",
  filter = function(m)
    return m:align(m.close):len() > 0 and not (ta.rsi(m.close, 14)[0] > 30)
  end,
}
