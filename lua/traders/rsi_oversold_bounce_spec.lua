local spec = require "trademind.spec"

describe("RSI oversold bounce", function()
  local calm = spec.market {interval = "1m"}:walk(400)
  local sold_off = calm:copy():drop(12, 4):mark "bottom"

  it("comes at the first green bar after a sell-off", function()
    assert.signals(spec.run {market = sold_off:copy():bar {change = 0.3}:mark "green":drop(5, 1)}, {"green"})
  end)

  it("comes once, while the price goes on rising", function()
    assert.signals(spec.run {market = sold_off:copy():bar {change = 0.1}:mark "green":trend(3, 0.2)}, {"green"})
  end)

  it("does not come while the price is still falling", function()
    assert.silent(spec.run {market = sold_off:copy():drop(20, 4)})
  end)

  it("does not come after a dip that leaves the RSI above the level", function()
    assert.silent(spec.run {market = calm:copy():drop(4, 0.4):bar {change = 0.3}})
  end)

  it("takes its level from the input", function()
    local market = sold_off:copy():bar {change = 0.3}
    assert.silent(spec.run {market = market, inputs = {level = 3}})
  end)
end)
