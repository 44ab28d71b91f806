-- expect: series-as-number 6:12
return trader {
  name = "A series never equals a number", interval = "5m",
  filter = function(m)
    local side, level = m.close, 100
    return side == level
  end,
}
