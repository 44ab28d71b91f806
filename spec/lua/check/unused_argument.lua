-- expect: matches-nan 4:3 unused-argument 4:21
return trader {
  name = "It does not look at the market", interval = "5m",
  filter = function(m) return true end,
}
