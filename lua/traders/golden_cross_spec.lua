local spec = require "trademind.spec"

local function mean(market, last, n)
  local sum = 0
  for i = last - n + 1, last do sum = sum + market:at(i).close end
  return sum / n
end

describe("Golden cross", function()
  local function turned(first, second) return spec.market {interval = "15m"}:trend(300, first):trend(260, second) end

  it("comes once after a fall has turned, where the mean of 50 closes passes that of 200", function()
    local market = turned(-10, 25)
    local run = spec.run {market = market}
    assert.equal(1, #run.signals)
    local bar = run.signals[1].bar
    assert.is_true(bar > 320 and bar < 460)
    assert.is_true(mean(market, bar, 50) > mean(market, bar, 200))
    assert.is_true(mean(market, bar - 1, 50) <= mean(market, bar - 1, 200))
  end)

  it("does not come after a rise has turned", function()
    assert.silent(spec.run {market = turned(15, -25)})
  end)

  it("does not come in a rise that has never turned", function()
    assert.silent(spec.run {market = turned(10, 10)})
  end)
end)
