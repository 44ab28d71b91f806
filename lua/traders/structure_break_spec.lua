local spec = require "trademind.spec"

describe("Market structure break", function()
  -- Legs up and down, long enough for their ends to be swing points; then the start of another leg up.
  local function legs(ups, downs)
    local market = spec.market {interval = "5m", volume = 1000}:walk(130, {volatility = 0.0002})
    for i, up in ipairs(ups) do market:trend(10, up):drop(8, downs[i]) end
    return market
  end
  local rising = legs({2, 2, 2}, {1, 1, 1})
  local function top_of(market) -- the highest high of the last up leg
    local top = 0
    for i = market:count() - 12, market:count() do top = math.max(top, market:at(i).high) end
    return top
  end

  it("comes at the first close above the last high, on volume", function()
    local market = rising:copy():volume(4000):trend(12, 2.4)
    local run = spec.run {market = market}
    assert.equal(1, #run.signals)
    local bar, top = run.signals[1].bar, top_of(rising)
    assert.is_true(market:at(bar).close > top and market:at(bar - 1).close <= top)
  end)

  it("does not come on the usual volume", function()
    assert.silent(spec.run {market = rising:copy():trend(12, 2.4)})
  end)

  it("does not come below the last high", function()
    assert.silent(spec.run {market = rising:copy():volume(4000):trend(12, 0.5)})
  end)

  it("does not come when the highs fall", function()
    assert.silent(spec.run {market = legs({2, 2, 1.2}, {1, 1.8, 1.1}):volume(4000):trend(12, 2.4)})
  end)

  it("does not come when the lows fall", function()
    assert.silent(spec.run {market = legs({2, 2, 3}, {1, 1, 4}):volume(4000):trend(12, 4.5)})
  end)
end)
