-- expect: unknown-option 2:50
local length = input.int("length", 14, {min = 2, maximum = 50})

return trader {
  name = "An option that an input does not have", interval = "5m",
  filter = function(m) return ta.rsi(m.close, length)[0] < 30 end,
}
