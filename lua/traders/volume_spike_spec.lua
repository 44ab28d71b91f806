local spec = require "trademind.spec"

describe("Volume spike", function()
  local quiet = spec.market {interval = "1m", volume = 1000}:walk(60)

  it("comes at one bar of ten times the volume", function()
    assert.signals(spec.run {market = quiet:copy():bar {volume = 10000}:mark "spike":walk(30)}, {"spike"})
  end)

  it("does not come at a bar of twice the volume", function()
    assert.silent(spec.run {market = quiet:copy():bar {volume = 2000}:walk(30)})
  end)

  it("does not come when volume has been that high for a while", function()
    local busy = spec.market {interval = "1m", volume = 10000}:walk(60):bar {volume = 10000}
    assert.silent(spec.run {market = busy})
  end)

  it("takes its multiple from the input", function()
    assert.signals(spec.run {market = quiet:copy():bar {volume = 3000}:mark "spike", inputs = {times = 2.5}}, {"spike"})
  end)
end)
