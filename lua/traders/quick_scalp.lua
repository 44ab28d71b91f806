-- Quick scalp: a weak price has come back to the day's VWAP, and much is traded there.
local near = input.float("near", 0.1, {min = 0.01, max = 2, help = "distance from the VWAP, per cent, at most"})
local weak = input.float("weak", 35, {min = 1, max = 60, help = "RSI below this"})
local times = input.float("times", 2, {min = 1, max = 100, help = "volume, as a multiple of its 20-bar average"})

local function is_near(m)
  local vwap = ta.vwap(m.hlc3)[0]
  return 100 * math.abs(m.close[0] - vwap) / vwap < near
end
local function is_weak(m) return ta.rsi(m.close, 14)[0] < weak end
local function is_busy(m) return m.volume[0] > times * ta.sma(m.volume, 20)[0] end

return trader {
  name = "Quick scalp",
  description = "Price at the day's VWAP, low RSI, high volume",
  interval = "1m",
  filter = function(m)
    if not (is_near(m) and is_weak(m) and is_busy(m)) then return false end
    local price = m.close[0]
    return {match = true, side = "long", stop = price * 0.997, target = {price * 1.004, price * 1.006}}
  end,
  conditions = {{"price at the VWAP", is_near}, {"RSI low", is_weak}, {"volume above the multiple of its average", is_busy}},
  plots = function(m) return {plot.line("VWAP", ta.vwap(m.hlc3)), plot.line("RSI", ta.rsi(m.close, 14), {pane = 1})} end,
}
