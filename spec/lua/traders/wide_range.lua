return trader {
  name = "Twice the usual range",
  interval = "5m",
  fire = "every",
  cooldown = 2,
  conditions = {
    {"range over twice the ATR", function(m) return m.high[0] - m.low[0] > 2 * ta.atr(14)[0] end},
  },
}
