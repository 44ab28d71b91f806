-- expect: matches-nan 4:31
return trader {
  name = "nz makes a low RSI of none", interval = "5m",
  filter = function(m) return nz(ta.rsi(m.close, 14)[0]) < 30 end,
}
