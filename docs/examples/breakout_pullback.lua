-- Breakout, then pullback: the close breaks the high of the last bars; within ten bars the price comes back to the level that
-- it has broken, and the close holds above it.
-- Two series of the trader's own remember the breakout: `broke` is 1 at a bar that breaks out, `level` is the high that was
-- broken last. ta.barssince(broke) counts the bars since; it gives 0 at the breakout itself, which is no pullback yet.
local length = input.int("length", 20, {min = 2, max = 500, help = "bars whose high is broken"})
local within = input.int("within", 10, {min = 1, max = 100, help = "bars after the breakout in which the pullback counts"})

local function top(m) return ta.highest(m.high, length)[1] end

return trader {
  name = "Breakout, then pullback",
  interval = "5m",
  series = {
    broke = function(m) return m.close[0] > top(m) and 1 or 0 end,
    level = function(m, prev) return m.close[0] > top(m) and top(m) or prev end,
  },
  conditions = {
    {"a breakout a few bars ago", function(m)
      local since = ta.barssince(m.my.broke)[0]
      return since >= 1 and since <= within
    end},
    {"the low has come back to the level", function(m) return m.low[0] <= m.my.level[0] end},
    {"the close holds above it", function(m) return m.close[0] > m.my.level[0] end},
  },
  plots = function(m) return {plot.line("level", m.my.level)} end,
}
