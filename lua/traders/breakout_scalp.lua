-- Breakout scalp: a clear break of the highest high before this bar, on high volume, in a trend that gains strength.
local length = input.int("length", 6, {min = 2, max = 200, help = "bars before this one whose highest high is broken"})
local beyond = input.float("beyond", 0.1, {min = 0, max = 5, help = "how far beyond it, per cent"})
local times = input.float("times", 3, {min = 1, max = 100, help = "volume, as a multiple of its 20-bar average"})
local strength = input.float("strength", 25, {min = 1, max = 80, help = "ADX above this"})

local function has_broken(m) return m.close[0] > (1 + beyond / 100) * ta.highest(m.high, length)[1] end
local function is_busy(m) return m.volume[0] > times * ta.sma(m.volume, 20)[0] end
local function is_strong(m) return ta.dmi(14, 14).adx[0] > strength end
local function is_gaining(m)
  local adx = ta.dmi(14, 14).adx
  return adx[0] > adx[1]
end

return trader {
  name = "Breakout scalp",
  description = "Break of the recent high with volume and rising ADX",
  interval = "5m",
  filter = function(m)
    if not (has_broken(m) and is_busy(m) and is_strong(m) and is_gaining(m)) then return false end
    local price = m.close[0]
    return {match = true, side = "long", target = {price * 1.008, price * 1.01}}
  end,
  conditions = {
    {"close above the highest high before it", has_broken},
    {"volume above the multiple of its average", is_busy},
    {"ADX strong", is_strong},
    {"ADX rising", is_gaining},
  },
  plots = function(m) return {plot.line("range high", ta.highest(m.high, length)), plot.line("ADX", ta.dmi(14, 14).adx, {pane = 1})} end,
}
