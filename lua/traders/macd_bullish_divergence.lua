-- MACD bullish divergence: the price has made a lower low while the MACD histogram made a higher one. A low is a close below
-- those of both its neighbours.
local lookback = input.int("lookback", 60, {min = 5, max = 300, help = "bars in which the two lows are looked for"})

-- The two newest lows, the newer one first, in bars back; nothing when there are not two.
local function last_lows(close)
  local newer
  for k = 1, lookback do
    if close[k] < close[k - 1] and close[k] < close[k + 1] then
      if newer then return newer, k end
      newer = k
    end
  end
end

return trader {
  name = "MACD bullish divergence",
  description = "Lower low of the close, higher low of the MACD histogram",
  interval = "5m",
  warmup = 260 + lookback, -- the histogram must have settled at the older low too
  conditions = {
    {"the last low of the close is below the one before", function(m)
      local newer, older = last_lows(m.close)
      return older ~= nil and m.close[newer] < m.close[older]
    end},
    {"the MACD histogram is higher at the last low", function(m)
      local newer, older = last_lows(m.close)
      local hist = ta.macd(m.close, 12, 26, 9).hist
      return older ~= nil and hist[newer] > hist[older]
    end},
  },
  risk = {stop_pct = 2, target_pct = 6},
  plots = function(m) return {plot.histogram("MACD histogram", ta.macd(m.close, 12, 26, 9).hist, {pane = 1})} end,
}
