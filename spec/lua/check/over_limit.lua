-- expect: over-limit 4:3
return trader {
  name = "Without end", interval = "5m",
  filter = function(m)
    local i = 0
    while m.close[0] > 0 do i = i + 1 end
    return i > 0
  end,
}
