-- expect: series-as-number 5:24
return trader {
  name = "Outputs as a list", interval = "5m",
  filter = function(m)
    local macd, hist = ta.macd(m.close)
    return macd.hist[0] > 0 and hist == nil
  end,
}
