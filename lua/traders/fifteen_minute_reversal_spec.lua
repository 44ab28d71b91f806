local spec = require "trademind.spec"

describe("15-minute reversal", function()
  -- Swings too short to make the RSI extreme, which end where they began.
  local swinging = spec.market {interval = "15m"}:wave(360, 0.2, 12):mark "end"

  it("comes once in a slow slide, when the RSI has become oversold", function()
    local market = swinging:copy():drop(12, 1):trend(5, 0.3)
    local run = spec.run {market = market}
    assert.equal(1, #run.signals)
    local late = run.signals[1].bar - market:index "end"
    assert.is_true(late >= 2 and late <= 8)
  end)

  it("does not come after a plunge, which leaves the price far above the support", function()
    assert.silent(spec.run {market = swinging:copy():bar {change = -4}:trend(10, 0.3)})
  end)

  it("does not come in a climb", function()
    assert.silent(spec.run {market = swinging:copy():trend(20, 2)})
  end)

  it("does not come at a dip in a climb, where the stochastic is low and the RSI is not", function()
    assert.silent(spec.run {market = swinging:copy():trend(30, 3):drop(4, 0.5):trend(4, 0.5)})
  end)
end)
