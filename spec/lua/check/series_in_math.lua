-- expect: series-as-number 4:40
return trader {
  name = "math is for numbers", interval = "5m",
  filter = function(m) return math.abs(m.close - m.open)[0] > 1 end,
}
