local spec = require "trademind.spec"

describe("Breakout scalp", function()
  local calm = spec.market {interval = "5m", volume = 1000}:walk(360, {volatility = 0.001})
  local trending = calm:copy():trend(30, 3)

  it("comes at a jump on high volume in a trend", function()
    local run = spec.run {market = trending:copy():bar {change = 0.5, volume = 6000}:mark "jump":trend(10, 1)}
    assert.signals(run, {"jump"})
    local signal = run:at "jump"
    assert.equal("long", signal.side)
    assert.same({signal.price * 1.008, signal.price * 1.01}, signal.targets)
  end)

  it("does not come on the usual volume", function()
    assert.silent(spec.run {market = trending:copy():bar {change = 0.5}:trend(10, 1)})
  end)

  it("does not come at a close just above the old high", function()
    assert.silent(spec.run {market = trending:copy():bar {change = 0.08, volume = 6000}:trend(10, 1)})
  end)

  it("does not come where there was no trend", function()
    assert.silent(spec.run {market = calm:copy():walk(30, {volatility = 0.001}):bar {change = 0.8, volume = 6000}})
  end)

  it("does not come while a trend loses strength", function()
    assert.silent(spec.run {market = trending:copy():wave(14, 0.2, 4):bar {change = 0.35, volume = 6000}})
  end)
end)
