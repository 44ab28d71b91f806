local spec = require "trademind.spec"

describe("Bollinger squeeze exit", function()
  local quiet = spec.market {interval = "5m"}:walk(80, {volatility = 0.001})

  it("comes long at a jump out of a quiet stretch", function()
    local run = spec.run {market = quiet:copy():bar {change = 6.5}:mark "jump":walk(20, {volatility = 0.001})}
    assert.signals(run, {"jump"})
    assert.equal("long", run:at("jump").side)
  end)

  it("comes short at a plunge", function()
    local run = spec.run {market = quiet:copy():bar {change = -6.5}:mark "plunge":walk(20, {volatility = 0.001})}
    assert.signals(run, {"plunge"})
    assert.equal("short", run:at("plunge").side)
  end)

  it("does not come at a jump that leaves the bands narrow", function()
    assert.silent(spec.run {market = quiet:copy():bar {change = 2}:walk(20, {volatility = 0.001})})
  end)

  it("does not come at a jump out of a wild stretch", function()
    local wild = spec.market {interval = "5m"}:wave(80, 4, 10):bar {change = 12}
    assert.silent(spec.run {market = wild})
  end)

  it("does not come in a steady climb, which widens the bands without leaving them", function()
    assert.silent(spec.run {market = spec.market {interval = "5m"}:flat(40):trend(60, 18)})
  end)
end)
