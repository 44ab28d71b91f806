-- expect: unused-input 3:7
local length = input.int("length", 14, {min = 2, max = 50})
local level = input.float("level", 30, {min = 1, max = 50})

return trader {
  name = "The level is not asked for", interval = "5m",
  filter = function(m) return ta.rsi(m.close, length)[0] < 30 end,
}
