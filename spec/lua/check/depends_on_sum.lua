-- expect: depends-on-history 6:3
-- A sum from the first bar on says how many bars there were.
return trader {
  name = "A sum of all volume", interval = "5m",
  series = {sum = function(m, prev) return nz(prev) + 1 + 0 * m.volume[0] end},
  filter = function(m) return m.my.sum[0] % 3 == 0 end,
}
