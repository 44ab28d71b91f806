-- 5-minute momentum: the fast average crosses above the slow one while MACD, volume and the day's VWAP agree. The stop stands
-- under the slow average.
local fast = input.int("fast", 9, {min = 2, max = 100, help = "fast EMA, bars"})
local slow = input.int("slow", 21, {min = 3, max = 200, help = "slow EMA, bars"})
local times = input.float("times", 1.5, {min = 1, max = 100, help = "volume, as a multiple of its 20-bar average"})

local function has_crossed(m) return ta.crossover(ta.ema(m.close, fast), ta.ema(m.close, slow)) end
local function has_momentum(m) return ta.macd(m.close, 12, 26, 9).hist[0] > 0 end
local function is_busy(m) return m.volume[0] > times * ta.sma(m.volume, 20)[0] end
local function is_above_vwap(m) return m.close[0] > ta.vwap(m.hlc3)[0] end

return trader {
  name = "5-minute momentum",
  description = "EMA cross with MACD, volume and VWAP",
  interval = "5m",
  filter = function(m)
    if not (has_crossed(m) and has_momentum(m) and is_busy(m) and is_above_vwap(m)) then return false end
    return {match = true, side = "long", stop = ta.ema(m.close, slow)[0] * 0.995}
  end,
  conditions = {
    {"fast EMA crosses above the slow EMA", has_crossed},
    {"MACD histogram above 0", has_momentum},
    {"volume above the multiple of its average", is_busy},
    {"price above the VWAP", is_above_vwap},
  },
  plots = function(m)
    return {plot.line("fast", ta.ema(m.close, fast)), plot.line("slow", ta.ema(m.close, slow)), plot.line("VWAP", ta.vwap(m.hlc3))}
  end,
}
