// What is being written, kept for this tab until it is saved: leaving the view, or the machine's absence, loses nothing.
const PREFIX = 'trademind.draft.';

export const TEMPLATE = `-- The RSI comes back above its level on a green bar.
-- A condition is a text and a function of the market; the trader matches where all of them hold.
local length = input.int("length", 14, {min = 2, max = 100, help = "RSI length, bars"})
local level = input.float("level", 30, {min = 1, max = 50, help = "oversold below this"})

return trader {
  name = "My first trader",
  description = "RSI crosses above the oversold level on a green bar",
  interval = "5m",
  conditions = {
    {"RSI crosses above the level", function(m) return ta.crossover(ta.rsi(m.close, length), level) end},
    {"green bar", function(m) return m.close[0] > m.open[0] end},
  },
  plots = function(m)
    return {plot.line("RSI", ta.rsi(m.close, length), {pane = 1}), plot.hline("level", level, {pane = 1})}
  end,
}
`;

export const readDraft = key => sessionStorage.getItem(PREFIX + key);
export const keepDraft = (key, text) => sessionStorage.setItem(PREFIX + key, text);
export const dropDraft = key => sessionStorage.removeItem(PREFIX + key);
