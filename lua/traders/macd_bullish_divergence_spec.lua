local spec = require "trademind.spec"

describe("MACD bullish divergence", function()
  local rising = spec.market {interval = "5m"}:trend(340, 10)

  -- A fall, a rebound, a second fall, and the bar after it, whose close makes the second low one.
  local function two_lows(first_bars, first_pct, second_bars, second_pct)
    return rising:copy():drop(first_bars, first_pct):trend(5, 1.5):drop(second_bars, second_pct):bar {change = 0.2}:mark "known"
  end

  it("comes when a gentle fall has gone below the low of a steep one", function()
    assert.signals(spec.run {market = two_lows(10, 4, 10, 2):trend(5, 1)}, {"known"})
  end)

  it("does not come when the second low is the higher one", function()
    assert.silent(spec.run {market = two_lows(10, 4, 5, 1):trend(5, 1)})
  end)

  it("does not come when the second fall is the steeper one", function()
    assert.silent(spec.run {market = two_lows(12, 2, 5, 6):trend(5, 1)})
  end)

  it("does not come before the bar after the second low", function()
    assert.silent(spec.run {market = rising:copy():drop(10, 4):trend(5, 1.5):drop(10, 2)})
  end)

  it("needs two lows", function()
    assert.silent(spec.run {market = rising:copy():drop(10, 4):trend(10, 2)})
  end)

  it("takes a bar for no low that only equals its neighbour", function()
    local market = rising:copy():drop(10, 4):trend(5, 1.5):drop(10, 2):flat(1):bar {change = 0.2}:trend(5, 1)
    assert.silent(spec.run {market = market})
  end)

  it("forgets lows that lie further back than it looks", function()
    assert.silent(spec.run {market = two_lows(10, 4, 10, 2):trend(5, 1), inputs = {lookback = 8}})
  end)
end)
