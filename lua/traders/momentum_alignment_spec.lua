local spec = require "trademind.spec"

describe("Multi-timeframe momentum", function()
  -- Long enough for the 15m RSI and MACD to have settled: 350 bars of 15m.
  local falling = spec.market {interval = "1m", price = 1000}:trend(5400, -30):mark "turn"

  it("comes once in a rally, at the close of a 15m bar: the slowest timeframe agrees last", function()
    local market = falling:copy():trend(240, 4)
    local run = spec.run {market = market}
    assert.equal(1, #run.signals)
    local bar = run.signals[1].bar
    assert.equal(0, bar % 15)
    assert.is_true(bar > market:index("turn") + 45 and bar < market:index("turn") + 120)
  end)

  it("does not come in a rally that is over before 15m has turned", function()
    assert.silent(spec.run {market = falling:copy():trend(45, 0.3):drop(120, 2)})
  end)

  it("does not come while the market falls", function()
    assert.silent(spec.run {market = falling:copy():drop(120, 3)})
  end)

  it("ends where the 1m RSI falls, and comes again where it rises", function()
    local market = falling:copy():trend(240, 4)
    local first = spec.run({market = market}).signals[1].bar
    local paused = market:with(first + 3, {close = market:at(first + 2).close * 0.9999})
    local run = spec.run {market = paused}
    assert.equal(2, #run.signals)
    assert.is_true(run:fires_at(first) and run.signals[2].bar > first + 3)
  end)
end)
