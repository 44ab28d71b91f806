-- expect: no-tick 4:3
return trader {
  name = "A ticker that is nil at each close", interval = "5m", on = "tick",
  filter = function(m) return m.ticker.change_pct > 5 end,
}
