-- expect: never-holds 6:8
return trader {
  name = "A number is never nil", interval = "5m",
  filter = function(m)
    local top = ta.highest(m.high, 20)[1]
    if top == nil then return false end
    return m.close[0] > top
  end,
}
