-- expect: no-rank 4:54
return trader {
  name = "A place among symbols that nobody has ranked", interval = "5m",
  filter = function(m) return m.close[0] > 1e9 and m.rank == 1 end,
}
