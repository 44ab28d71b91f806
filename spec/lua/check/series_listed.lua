-- expect: series-as-number 6:28
return trader {
  name = "ipairs of a series", interval = "5m",
  filter = function(m)
    local sum = 0
    for _, close in ipairs(m.close) do sum = sum + close end
    return m.close[0] > sum
  end,
}
