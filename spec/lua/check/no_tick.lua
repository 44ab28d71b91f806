-- expect: no-tick 5:35
return trader {
  name = "A ticker at closes", interval = "5m",
  filter = function(m)
    return m.close[0] > 1e9 and m.ticker.change_pct > 5
  end,
}
