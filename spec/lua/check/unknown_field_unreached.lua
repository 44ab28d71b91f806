-- expect: unknown-field 8:36 unknown-field 9:13 unknown-field 10:14
-- In branches that no bar comes to.
return trader {
  name = "Fields that are nowhere, out of reach", interval = "5m",
  filter = function(m)
    local macd = ta.macd(m.close, 12, 26, 9)
    if m.close[0] > 0 then return m.close[0] > m.open[0] end
    if ta.sma(m.close, 20)[0] > ta.smma(m.close, 20)[0] then return true end
    if macd.histo then return true end
    return m.closing[0] > 1
  end,
}
