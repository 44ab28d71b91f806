-- Each built-in trader on recorded klines of its interval: the signals that the oracle finds, which has its meaning from the
-- words of its description and no line of its code; and there are some.
-- builds: release
local lfs = require "lfs"
local oracle = require "spec.lua.oracle"
local oracle_replay = require "spec.lua.oracle_replay"

-- What is recorded long enough for a trader of an interval to warm up and fire.
local RECORDED = {
  ["1m"] = {"1m", {"ALGOUSDT", "AVAXUSDT", "DOTUSDT", "FILUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT"}},
  ["5m"] = {"5m", {"ALGOUSDT", "DOTUSDT", "NEARUSDT", "SOLUSDT", "BNBUSDT"}},
  ["15m"] = {"5m", {"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT", "NEARUSDT"}},
  ["1h"] = {"1h", {"BTCUSDT", "SOLUSDT", "TRXUSDT"}},
}

describe("on recorded klines", function()
  teardown(oracle_replay.clean)
  local _, traders = oracle_replay.traders({"lua/traders"}, require "spec.lua.oracle_traders")

  it("every built-in trader has a spec beside it", function()
    for _, t in ipairs(traders) do assert.equal("file", lfs.attributes(("lua/traders/%s_spec.lua"):format(t.key), "mode"), t.key) end
  end)

  for _, t in ipairs(traders) do
    it(t.key .. " gives the oracle's signals", function()
      local interval, symbols = unpack(RECORDED[t.meaning.interval])
      if not oracle_replay.has_data(("%s-%s.csv.gz"):format(symbols[1], interval)) then
        pending("no recorded klines at " .. oracle_replay.klines)
        return
      end
      local folder = oracle_replay.klines_of(interval, symbols)
      local count = oracle_replay.compare {folder = folder, symbols = symbols, from = oracle.span(folder, symbols[1]), traders = {t}}
      assert.is_true(count > 0, "no signal: nothing is proven")
    end)
  end
end)
