-- RSI oversold bounce: the RSI is still in the oversold zone, but has turned up.
local length = input.int("length", 14, {min = 2, max = 100, help = "RSI length, bars"})
local level = input.float("level", 30, {min = 1, max = 50, help = "oversold below this"})

return trader {
  name = "RSI oversold bounce",
  description = "RSI below the oversold level and rising",
  interval = "1m",
  conditions = {
    {"RSI below the oversold level", function(m) return ta.rsi(m.close, length)[0] < level end},
    {"RSI above its previous value", function(m)
      local rsi = ta.rsi(m.close, length)
      return rsi[0] > rsi[1]
    end},
  },
  risk = {stop_pct = 2, target_pct = 5},
  plots = function(m) return {plot.line("RSI", ta.rsi(m.close, length), {pane = 1}), plot.hline("oversold", level, {pane = 1})} end,
}
