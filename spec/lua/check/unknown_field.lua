-- expect: unknown-field 6:14
return trader {
  name = "A field that the market does not have",
  interval = "5m",
  filter = function(m)
    return m.clsoe[0] > 100
  end,
}
