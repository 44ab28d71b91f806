local spec = require "trademind.spec"

describe("Bull flag micro", function()
  local calm = spec.market {interval = "1m", volume = 1000}:walk(380, {volatility = 0.0005})

  -- Five bars up on high volume, then three bars that give a little back.
  local function flag(up, back, volumes)
    local market = calm:copy():volume(5000):trend(5, up)
    for _, volume in ipairs(volumes) do market:bar {change = -back, volume = volume} end
    return market:mark "flag"
  end
  local drying, steady = {3000, 2000, 1000}, {2000, 2000, 2000}

  it("comes at the third bar of a pause on falling volume", function()
    local run = spec.run {market = flag(0.8, 0.11, drying):volume(2000):walk(10, {volatility = 0.0005})}
    assert.signals(run, {"flag"})
    local signal = run:at "flag"
    assert.equal("long", signal.side)
    assert.same({signal.price * 1.005, signal.price * 1.008}, signal.targets)
  end)

  it("does not come without a pole", function()
    assert.silent(spec.run {market = flag(0.25, 0.02, drying)})
  end)

  it("does not come when the volume stays", function()
    assert.silent(spec.run {market = flag(0.8, 0.11, steady)})
    assert.silent(spec.run {market = flag(0.8, 0.11, {1000, 3000, 2000})})
    assert.silent(spec.run {market = flag(0.8, 0.11, {3000, 1000, 2000})})
  end)

  it("does not come while the RSI is still high", function()
    assert.silent(spec.run {market = flag(0.8, 0.02, drying)})
  end)

  it("does not come when the pause has given all of it back", function()
    assert.no.fires_at(spec.run {market = flag(0.8, 0.3, drying)}, "flag")
  end)
end)
