-- expect: hidden-name 2:7
local log = math.log
return trader {
  name = "log is no log any more", interval = "5m",
  filter = function(m) return log(m.close[0]) > log(m.open[0]) + 0.01 end,
}
