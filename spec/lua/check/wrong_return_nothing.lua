-- expect: wrong-return 7:3
return trader {
  name = "No answer at all on some bars", interval = "5m",
  filter = function(m)
    if m.close[0] > m.open[0] then return true end
    -- and otherwise?
  end,
}
