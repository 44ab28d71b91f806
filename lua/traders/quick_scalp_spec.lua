local spec = require "trademind.spec"

describe("Quick scalp", function()
  -- A day before, then a day that starts still, rises, and comes back to where it traded most.
  local day = spec.market {interval = "1m", volume = 1000}:walk(1440, {volatility = 0.0002})
  local risen = day:copy():flat(300):trend(30, 1)
  local back = risen:copy():drop(25, 0.95)

  it("comes when a falling price is back at the VWAP and much is traded", function()
    local run = spec.run {market = back:copy():bar {change = -0.02, volume = 4000}:mark "back":walk(10, {volatility = 0.0002})}
    assert.signals(run, {"back"})
    local signal = run:at "back"
    assert.equal("long", signal.side)
    assert.near(0.997 * signal.price, signal.stop, 1e-9)
    assert.same({signal.price * 1.004, signal.price * 1.006}, signal.targets)
  end)

  it("does not come on the usual volume", function()
    assert.silent(spec.run {market = back:copy():bar {change = -0.02}:walk(10, {volatility = 0.0002})})
  end)

  it("does not come far above the VWAP", function()
    assert.silent(spec.run {market = risen:copy():drop(10, 0.4):bar {change = -0.02, volume = 4000}})
  end)

  it("does not come far below the VWAP", function()
    assert.silent(spec.run {market = back:copy():drop(10, 0.5):bar {change = -0.02, volume = 4000}})
  end)

  it("does not come at the VWAP when the price has risen to it", function()
    local fallen = day:copy():flat(300):drop(30, 1):trend(25, 0.95)
    assert.silent(spec.run {market = fallen:bar {change = 0.02, volume = 4000}})
  end)
end)
