-- expect: mixed-symbols 5:13
return trader {
  name = "One symbol divided by another", interval = "5m", references = {"BTCUSDT"},
  filter = function(m)
    return (m.close / m.ref.BTCUSDT.close)[0] > (m.close / m.close)[5]
  end,
}
