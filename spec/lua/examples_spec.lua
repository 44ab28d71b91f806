-- The examples of the guide, ports of Pine scripts: the signals that an independent computation finds, on a generated market
-- and on recorded klines.
-- builds: release dev
local cjson = require "cjson"
local meanings = require "spec.lua.oracle_examples"
local oracle = require "spec.lua.oracle"
local oracle_replay = require "spec.lua.oracle_replay"
local spec = require "trademind.spec"

local SYMBOLS = {"SOLUSDT", "BNBUSDT", "DOTUSDT"}

describe("the example", function()
  teardown(oracle_replay.clean)
  local _, traders = oracle_replay.traders({"docs/examples"}, meanings)

  -- Two weeks of 5m: calm and wild stretches, trends, a hole.
  local function generated()
    local folder = oracle_replay.temp_folder()
    for seed = 1, 3 do
      local market = spec.market {symbol = ("S%dUSDT"):format(seed), seed = seed, price = 50 * seed}
      for _ = 1, 6 do
        market:walk(300, {volatility = 0.001}):walk(200, {volatility = 0.004}):trend(30, 4):walk(80, {volatility = 0.0005}):drop(40, 5):skip(seed)
      end
      market:write(folder)
    end
    return folder
  end

  for _, t in ipairs(traders) do
    if t.key == "btc_regime" then goto continue end -- below: its reference has to be there, too
    it(t.key .. " gives the signals of an independent computation on a generated market", function()
      local folder = generated()
      local count = oracle_replay.compare {
        folder = folder, symbols = {"S1USDT", "S2USDT", "S3USDT"}, from = oracle.span(folder, "S1USDT"), traders = {t},
      }
      assert.is_true(count > 0, "no signal: nothing is proven")
    end)

    it(t.key .. " gives them on recorded klines", function()
      if not oracle_replay.has_data(SYMBOLS[1] .. "-5m.csv.gz") then
        pending("no recorded klines at " .. oracle_replay.klines)
        return
      end
      local folder = oracle_replay.klines_of("5m", SYMBOLS)
      local count = oracle_replay.compare {folder = folder, symbols = SYMBOLS, from = oracle.span(folder, SYMBOLS[1]), traders = {t}}
      assert.is_true(count > 0, "no signal: nothing is proven")
    end)
    ::continue::
  end

  -- The text of the conditions as an expression, with the defaults of its inputs.
  local function expression_of(path)
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    local inputs = {}
    for name, default in text:gmatch 'local (%w+) = input%.int%("%w+", (%d+)' do inputs[#inputs + 1] = ("local %s = %s"):format(name, default) end
    return ("(function() %s for _, c in ipairs(%s) do if not c[2](m) then return false end end return true end)()"):format(
      table.concat(inputs, " "), text:match "conditions = (%b{})")
  end

  it("btc_regime holds where an independent computation says, bar by bar, beside a reference with holes of its own", function()
    local folder = oracle_replay.temp_folder()
    for seed, symbol in ipairs {"S1USDT", "BTCUSDT"} do
      local market = spec.market {symbol = symbol, interval = "15m", seed = seed, price = 50 * seed}
      for _ = 1, 14 do market:walk(400, {volatility = 0.002}):trend(120, 5):walk(300, {volatility = 0.004}):drop(80, 5):skip(2 * seed) end
      market:write(folder)
    end
    local expected = oracle.matches(folder, "S1USDT", meanings.btc_regime)
    local command = ("%s/trademind eval --json --data '%s/S1USDT-15m.csv' --timeframes 1h --references BTCUSDT --set SCRIPT_CPU_MS=1000 '%s'"):format(
      os.getenv "TRADEMIND_BUILD" or "build/release", folder, (expression_of "docs/examples/btc_regime.lua":gsub("'", "'\\''")))
    local pipe = io.popen(command)
    local n, n_held = 0, 0
    for line in pipe:lines() do
      local bar = cjson.decode(line)
      local wanted = expected[bar.time]
      if wanted ~= nil then
        n, n_held = n + 1, n_held + (wanted and 1 or 0)
        assert.equal(wanted, bar.value, os.date("!%FT%TZ", bar.time / 1000))
      end
    end
    pipe:close()
    assert.is_true(n > 3000 and n_held >= 5, ("%d bars, %d of them match: nothing is proven"):format(n, n_held))
  end)
end)
