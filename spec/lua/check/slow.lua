-- expect: slow 5:3
-- Five milliseconds of work at each bar.
return trader {
  name = "Too much work", interval = "5m",
  filter = function(m)
    local sum = 0
    for i = 1, 500000 do sum = sum + math.sin(i) % 3 end
    return m.close[0] > sum
  end,
}
