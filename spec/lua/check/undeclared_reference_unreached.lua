-- expect: undeclared-reference 6:20
return trader {
  name = "One of two, on a bar that never comes", interval = "5m", references = {"BTCUSDT"},
  filter = function(m)
    if m.close[0] < 0 then
      return m.ref.ETHUSDT.close[0] > 1
    end
    return m.ref.BTCUSDT.close[0] > m.ref.BTCUSDT.close[1]
  end,
}
