-- expect: matches-nan 5:8
return trader {
  name = "The else of a comparison", interval = "5m",
  filter = function(m)
    if ta.rsi(m.close, 14)[0] > 30 then
      return false
    else
      return true
    end
  end,
}
