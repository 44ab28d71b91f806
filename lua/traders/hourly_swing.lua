-- Hourly swing: lows that rise, a price back at its average, MACD up, and a longer average that rises.
local near = input.float("near", 0.5, {min = 0.05, max = 5, help = "distance from the 20-bar average, per cent, at most"})

local function has_higher_low(m)
  local low = ta.lowest(m.low, 5)
  return low[0] > low[10]
end
local function is_at_average(m)
  local average = ta.sma(m.close, 20)[0]
  return 100 * math.abs(m.close[0] - average) / average < near
end
local function has_momentum(m)
  local macd = ta.macd(m.close, 12, 26, 9)
  return macd.macd[0] > macd.signal[0]
end
local function is_rising(m)
  local average = ta.sma(m.close, 50)
  return average[0] > average[1]
end

return trader {
  name = "Hourly swing",
  description = "Higher low at the 20-bar average in a rising market",
  interval = "1h",
  filter = function(m)
    if not (has_higher_low(m) and is_at_average(m) and has_momentum(m) and is_rising(m)) then return false end
    local price = m.close[0]
    return {match = true, side = "long", stop = price * 0.985, target = {price * 1.03, price * 1.04}}
  end,
  conditions = {
    {"lowest low of 5 bars above that of ten bars before", has_higher_low},
    {"price at its 20-bar average", is_at_average},
    {"MACD above its signal", has_momentum},
    {"50-bar average rising", is_rising},
  },
  plots = function(m) return {plot.line("SMA 20", ta.sma(m.close, 20)), plot.line("SMA 50", ta.sma(m.close, 50))} end,
}
