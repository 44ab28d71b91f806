-- expect: unknown-name 6:29
return trader {
  name = "A name that is nowhere",
  interval = "5m",
  filter = function(m)
    return m.close[0] > 2 * lenght
  end,
}
