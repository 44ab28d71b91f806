-- expect: matches-nan 5:18
return trader {
  name = "The other side of an or", interval = "5m",
  filter = function(m)
    local mood = ta.rsi(m.close, 14)[0] > 30 and "calm" or "low"
    return mood == "low"
  end,
}
