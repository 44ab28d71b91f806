-- Volume spike: one bar trades several times the average volume.
local length = input.int("length", 20, {min = 2, max = 500, help = "bars of the average, the newest included"})
local times = input.float("times", 3, {min = 1, max = 100, help = "how many times the average"})

return trader {
  name = "Volume spike",
  description = "Volume of the bar above a multiple of its average",
  interval = "1m",
  conditions = {
    {"volume above the multiple of its average", function(m) return m.volume[0] > times * ta.sma(m.volume, length)[0] end},
  },
  risk = {stop_pct = 2, target_pct = 5},
  plots = function(m)
    return {plot.histogram("volume", m.volume, {pane = 1}), plot.line("average volume", ta.sma(m.volume, length), {pane = 1})}
  end,
}
