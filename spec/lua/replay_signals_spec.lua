-- Every signal of `trademind replay`, recomputed by the oracle: the same ids, none missing, none besides.
-- time limit: 1800
local market = require "spec.lua.oracle_market"
local oracle = require "spec.lua.oracle"
local oracle_replay = require "spec.lua.oracle_replay"

local folder_of, KLINES = oracle_replay.folder_of, oracle_replay.klines
local IS_SOAK = os.getenv("TRADEMIND_SOAK") == "1"
local WEEK = {"ALGOUSDT", "AVAXUSDT", "DOTUSDT", "FILUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT"}
local FEBRUARY_3 = 1770076800000
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000

local seed = tonumber(os.getenv("TRADEMIND_SEED") or "") or os.time()
io.stderr:write(("# replay_signals: seed %d\n"):format(seed))

local function compare(what)
  what.seed = seed
  return oracle_replay.compare(what)
end

-- A random non-empty part of a list.
local function some_of(random, list)
  local some = {}
  for _, item in ipairs(list) do if random() < 0.5 then some[#some + 1] = item end end
  if #some == 0 then some[1] = list[random(1, #list)] end
  return some
end

-- Any start and end, not only those at which a bar opens.
local function random_window(random, folder, symbols)
  local first, last = math.huge, 0
  for _, symbol in ipairs(symbols) do
    local a, b = oracle.span(folder, symbol)
    first, last = math.min(first, a), math.max(last, b)
  end
  local from = first + random(0, math.floor((last - first) * 0.7 / 1000)) * 1000
  local unit = ({1000, MINUTE, HOUR})[random(1, 3)]
  from = from - from % unit
  if random() < 0.3 then return math.max(from, first) end
  local to = from + random(1, math.floor((last - from) / 1000)) * 1000
  return math.max(from, first), to
end

local function compare_random(random, folder, symbols, traders, rounds)
  local total = 0
  for _ = 1, rounds do
    local chosen, some = some_of(random, symbols), some_of(random, traders)
    local from, to = random_window(random, folder, chosen)
    total = total + compare {
      folder = folder, symbols = chosen, from = from, to = to, traders = some, trader_folder = folder_of(some), workers = random(1, 4),
    }
  end
  return total
end

describe("the signals of a replay", function()
  local trader_folder, traders = oracle_replay.traders({"lua/traders", "spec/lua/traders"}, require "spec.lua.oracle_traders")
  local random = market.random(seed)
  local built_in = {}
  for _, t in ipairs(traders) do if t.from == "lua/traders" then built_in[#built_in + 1] = t end end

  teardown(oracle_replay.clean)

  local function recorded(name, file, body)
    it(name, function()
      if oracle_replay.has_data(file) then body() else pending("no recorded klines at " .. KLINES) end
    end)
  end

  recorded("are those of the built-in traders in a week of seven symbols", "ALGOUSDT-1m.csv.gz", function()
    local count = compare {
      folder = KLINES, symbols = WEEK, from = FEBRUARY_3, traders = built_in, trader_folder = folder_of(built_in), workers = 2,
    }
    assert.is_true(count > 1000)
  end)

  recorded("are those of all traders in that week, each firing", "ALGOUSDT-1m.csv.gz", function()
    local _, of_each = compare {folder = KLINES, symbols = WEEK, from = FEBRUARY_3, traders = traders, trader_folder = trader_folder, workers = 3}
    for _, t in ipairs(traders) do -- a week of hours is too short to warm up on; of the built-in ones built_in_spec.lua asks it
      assert.is_true(of_each[t.meaning.id or t.key] ~= nil or t.meaning.interval == "1h" or t.from == "lua/traders", t.key .. " has no signal")
    end
  end)

  recorded("are the same in random windows of it", "ALGOUSDT-1m.csv.gz", function()
    compare_random(random, KLINES, WEEK, traders, IS_SOAK and 100 or 5)
  end)

  recorded("are the same on three days of 1m spot bars", "BTCUSDT-1m.csv.gz", function()
    compare_random(random, KLINES, {"BTCUSDT", "ETHUSDT"}, traders, IS_SOAK and 40 or 3)
  end)

  recorded("are the same on 5m bars with a hole of 223", "BNBUSDT-5m.csv.gz", function()
    local symbols = {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT"}
    local folder = oracle_replay.klines_of("5m", symbols)
    local first = oracle.span(folder, "BNBUSDT")
    compare {folder = folder, symbols = symbols, from = first, traders = traders, trader_folder = trader_folder, workers = 2}
    compare_random(random, folder, symbols, traders, IS_SOAK and 40 or 3)
  end)

  recorded("are the same on half a year of 1h bars", "BNBUSDT-1h.csv.gz", function()
    local symbols = {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "DOGEUSDT", "TRXUSDT"}
    local folder = oracle_replay.klines_of("1h", symbols)
    local count = compare_random(random, folder, symbols, traders, IS_SOAK and 20 or 2)
    local first = oracle.span(folder, "BTCUSDT")
    count = count + compare {folder = folder, symbols = symbols, from = first + 30 * DAY, traders = traders, trader_folder = trader_folder, workers = 1}
    assert.is_true(count > 0)
  end)

  it("are the same on generated markets full of holes and still stretches", function()
    local total = 0
    for _ = 1, IS_SOAK and 60 or 4 do
      local folder, symbols = oracle_replay.temp_folder(), {}
      for i = 1, random(2, 4) do
        symbols[i] = ("S%dUSDT"):format(i)
        local first = FEBRUARY_3 + random(0, 600) * MINUTE
        market.write(("%s/%s-1m.csv"):format(folder, symbols[i]), random(1, 2 ^ 30), first, random(3000, 12000))
      end
      local first = oracle.span(folder, symbols[1])
      total = total + compare {
        folder = folder, symbols = symbols, from = first, traders = traders, trader_folder = trader_folder, workers = random(1, 4),
      }
      total = total + compare_random(random, folder, symbols, traders, 3)
    end
    assert.is_true(total > 100)
  end)
end)
