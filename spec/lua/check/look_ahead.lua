-- expect: look-ahead 12:3
-- A coroutine remembers the highest bar that it has ever been shown.
local seen = coroutine.wrap(function(high)
  local top = high
  while true do
    high = coroutine.yield(top)
    top = math.max(top, high)
  end
end)
return trader {
  name = "A top that knows the future", interval = "5m",
  filter = function(m)
    return m.high[0] >= seen(m.high[0])
  end,
}
