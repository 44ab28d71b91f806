-- expect: never-holds 5:12
return trader {
  name = "Further back than there are bars", interval = "5m",
  filter = function(m)
    return m.close[0] > m.close[4000000] * 1.5
  end,
}
