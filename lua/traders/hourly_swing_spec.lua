local spec = require "trademind.spec"

describe("Hourly swing", function()
  -- A long move, a dip, and a slow recovery.
  local function dip(pct) return spec.market {interval = "1h"}:trend(300, pct):drop(5, 3):mark "low":trend(25, 2.5) end

  it("comes once, where a recovery in a rising market reaches the average", function()
    local market = dip(30)
    local run = spec.run {market = market}
    assert.equal(1, #run.signals)
    local signal = run.signals[1]
    assert.is_true(signal.bar > market:index "low" + 8 and signal.bar < market:index "low" + 16)
    local sum = 0
    for i = signal.bar - 19, signal.bar do sum = sum + market:at(i).close end
    assert.near(signal.price, sum / 20, 0.005 * signal.price)
    assert.equal("long", signal.side)
    assert.near(0.985 * signal.price, signal.stop, 1e-9)
    assert.same({signal.price * 1.03, signal.price * 1.04}, signal.targets)
  end)

  it("does not come in a falling market", function()
    assert.silent(spec.run {market = dip(-20)})
  end)

  it("does not come on the way down through the average", function()
    assert.silent(spec.run {market = spec.market {interval = "1h"}:trend(300, 30):drop(30, 6)})
  end)

  it("does not come far above the average", function()
    assert.silent(spec.run {market = spec.market {interval = "1h"}:trend(330, 60)})
  end)
end)
