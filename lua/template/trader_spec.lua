local spec = require "trademind.spec"

describe("TRADER_NAME", function()
  -- An RSI of 14 bars takes 350 to warm up: quiet ones, and 20 in which the price falls by 5 per cent.
  local sold_off = spec.market {interval = "5m"}:walk(345):drop(20, 5)

  it("fires when the price turns up after a sell-off", function()
    local run = spec.run {market = sold_off:copy():bar {change = 3}:mark "turn":trend(10, 1)}
    assert.signals(run, {"turn"})
  end)

  it("is silent while the price goes on falling", function()
    assert.silent(spec.run {market = sold_off:copy():drop(20, 5)})
  end)

  it("takes its level from the input", function()
    local market = sold_off:copy():bar {change = 3}
    assert.silent(spec.run {market = market, inputs = {level = 1}})
  end)
end)
