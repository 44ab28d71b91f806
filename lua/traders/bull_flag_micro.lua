-- Bull flag micro: a quick rise, then a pause on falling volume, with momentum still up.
local rise = input.float("rise", 0.5, {min = 0.05, max = 20, help = "the pole, per cent: highest close of the last 5 bars over the lowest of the 5 before"})

local function has_pole(m)
  local top, bottom = ta.highest(m.close, 5)[0], ta.lowest(m.close, 5)[5]
  return 100 * (top / bottom - 1) > rise
end
local function is_drying_up(m) return m.volume[0] < m.volume[1] and m.volume[1] < m.volume[2] end
local function is_warm(m)
  local rsi = ta.rsi(m.close, 14)[0]
  return rsi >= 50 and rsi <= 65
end
local function has_momentum(m)
  local macd = ta.macd(m.close, 12, 26, 9)
  return macd.macd[0] > macd.signal[0]
end

return trader {
  name = "Bull flag micro",
  description = "Pause on falling volume after a quick rise",
  interval = "1m",
  filter = function(m)
    if not (has_pole(m) and is_drying_up(m) and is_warm(m) and has_momentum(m)) then return false end
    local price = m.close[0]
    return {match = true, side = "long", target = {price * 1.005, price * 1.008}}
  end,
  conditions = {
    {"a quick rise", has_pole},
    {"three falling volumes", is_drying_up},
    {"RSI 50 to 65", is_warm},
    {"MACD above its signal", has_momentum},
  },
  plots = function(m) return {plot.line("RSI", ta.rsi(m.close, 14), {pane = 1})} end,
}
