local spec = require "trademind.spec"

describe("5-minute momentum", function()
  -- A day that falls, then one that sags.
  local tired = spec.market {interval = "5m", volume = 1000}:trend(288, -4):trend(144, -0.3)

  it("comes at a strong bar on high volume, with the stop under the slow average", function()
    local run = spec.run {market = tired:copy():bar {change = 1, volume = 4000}:mark "burst":trend(20, 2)}
    assert.signals(run, {"burst"})
    local signal = run:at "burst"
    assert.equal("long", signal.side)
    -- The averages lie between the price before and the one now, the slow one nearer to the one before.
    local before, now = tired:at(-1).close, signal.price
    assert.is_true(signal.stop > 0.995 * before and signal.stop < 0.995 * (before + now) / 2)
  end)

  it("does not come on the usual volume", function()
    assert.silent(spec.run {market = tired:copy():bar {change = 1}:trend(20, 2)})
  end)

  it("does not come below the VWAP of a day that has fallen far", function()
    local far = spec.market {interval = "5m", volume = 1000}:trend(288, -1):drop(72, 6):trend(72, -0.1)
    assert.silent(spec.run {market = far:bar {change = 1, volume = 4000}:trend(10, 0.5)})
  end)

  it("does not come when the averages have crossed before", function()
    assert.silent(spec.run {market = tired:copy():trend(20, 1):bar {change = 1, volume = 4000}})
  end)
end)
