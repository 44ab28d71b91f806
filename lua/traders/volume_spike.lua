-- Volume spike: one bar trades several times the average volume.
local length = input.int("length", 20, {min = 2, max = 500, help = "bars of the average"})
local times = input.float("times", 3, {min = 1, max = 100, help = "how many times the average"})

return trader {
  name = "Volume spike",
  description = "Volume of the bar above a multiple of its average",
  interval = "1m",
  filter = function(m)
    return m.volume[0] > times * ta.sma(m.volume, length)[0]
  end,
  conditions = {"volume above the multiple of its average"},
  risk = {stop_pct = 2, target_pct = 5},
}
