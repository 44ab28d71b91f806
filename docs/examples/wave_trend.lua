-- WaveTrend: how far the typical price has gone from its average, in units of the usual distance, smoothed. It swings around
-- 0; a turn far below is a chance to buy: the wave crosses above its own short average.
-- The calculation is arithmetic on whole series: `m.hlc3 - average` is a series like any other, computed once per bar for all
-- traders that write the same, and can be the source of the next indicator.
local channel = input.int("channel", 10, {min = 2, max = 100, help = "averages of price and distance, bars"})
local average = input.int("average", 21, {min = 2, max = 200, help = "average of the wave, bars"})
local oversold = input.float("oversold", -53, {min = -200, max = 0, help = "the turn counts below this"})

local function wave(m)
  local esa = ta.ema(m.hlc3, channel)
  local distance = ta.ema(ta.abs(m.hlc3 - esa), channel)
  return ta.ema((m.hlc3 - esa) / (distance * 0.015), average)
end

return trader {
  name = "WaveTrend",
  interval = "5m",
  conditions = {
    {"wave crosses above its average", function(m) return ta.crossover(wave(m), ta.sma(wave(m), 4)) end},
    {"wave oversold", function(m) return wave(m)[0] < oversold end},
  },
  plots = function(m)
    return {plot.line("wave", wave(m), {pane = 1}), plot.line("average", ta.sma(wave(m), 4), {pane = 1}), plot.hline("oversold", oversold, {pane = 1})}
  end,
}
