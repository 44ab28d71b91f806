-- Every signal of `trademind replay`, recomputed by the oracle: the same ids, none missing, none besides.
-- time limit: 1800
local cjson = require "cjson"
local market = require "spec.lua.oracle_market"
local meanings = require "spec.lua.oracle_traders"
local oracle = require "spec.lua.oracle"

local BUILD = os.getenv("TRADEMIND_BUILD") or "build/release"
local KLINES = (os.getenv("TRADEMIND_DATA") or "../shared/data") .. "/klines"
local IS_SOAK = os.getenv("TRADEMIND_SOAK") == "1"
local WEEK = {"ALGOUSDT", "AVAXUSDT", "DOTUSDT", "FILUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT"}
local FEBRUARY_3 = 1770076800000
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000

local seed = tonumber(os.getenv("TRADEMIND_SEED") or "") or os.time()
io.stderr:write(("# replay_signals: seed %d\n"):format(seed))

local folders = {}

local function run(command, ...)
  local line = command:format(...)
  assert(os.execute(line) == 0, line)
end

local function temp_folder()
  local pipe = io.popen("mktemp -d")
  local folder = pipe:read "*l"
  pipe:close()
  folders[#folders + 1] = folder
  return folder
end

local function has_data(name)
  local file = io.open(KLINES .. "/" .. name)
  if file then file:close() end
  return file ~= nil
end

-- All traders of the two folders, in one.
local function all_traders()
  local folder, list = temp_folder(), {}
  for _, from in ipairs {"lua/traders", "spec/lua/traders"} do
    local pipe = io.popen("ls " .. from)
    for name in pipe:lines() do
      local key = name:match "^(.*)%.lua$"
      if key then
        run("cp '%s/%s' '%s'", from, name, folder)
        list[#list + 1] = {key = key, path = folder .. "/" .. name, meaning = assert(meanings[key], "no meaning is given for " .. key)}
      end
    end
    pipe:close()
  end
  return folder, list
end

local function folder_of(list)
  local folder = temp_folder()
  for _, t in ipairs(list) do run("cp '%s' '%s'", t.path, folder) end
  return folder
end

-- What replay prints, by id. It must end well and say nothing twice.
local function replay(what)
  local words = {
    BUILD .. "/trademind", "replay", "--json", "--data", what.folder, "--symbols", table.concat(what.symbols, ","), "--from", ("%.0f"):format(what.from),
    "--traders", what.trader_folder, "--workers", tostring(what.workers),
    "--set", "SCRIPT_CPU_MS=1000", -- a busy machine may take a thread away for longer than a filter is allowed to last
  }
  if what.to then
    words[#words + 1] = "--to"
    words[#words + 1] = ("%.0f"):format(what.to)
  end
  local log = os.tmpname()
  local pipe = io.popen(table.concat(words, " ") .. " 2>" .. log .. "; echo $?")
  local found, code = {}, nil
  for line in pipe:lines() do
    if line:match "^%d+$" then
      code = line
    else
      local signal = cjson.decode(line)
      assert(not found[signal.id], "twice: " .. line)
      found[signal.id] = signal
    end
  end
  pipe:close()
  local file = io.open(log)
  local said = file:read "*a"
  file:close()
  os.remove(log)
  assert(code == "0", ("%s\nended with code %s\n%s"):format(table.concat(words, " "), tostring(code), said))
  return found, table.concat(words, " ")
end

local function add_lines(lines, what, signals)
  table.sort(signals, function(a, b) return a.time < b.time end)
  for i = 1, math.min(#signals, 8) do
    local s = signals[i]
    lines[#lines + 1] = ("  %s: %s %s %s"):format(what, s.trader, s.symbol, os.date("!%FT%TZ", s.time / 1000))
  end
end

-- @return how many signals both found
local function compare(what)
  local expected, count = oracle.signals(what)
  local found, command = replay(what)
  local missing, besides, lines = {}, {}, {}
  for id, signal in pairs(expected) do
    local other = found[id]
    if not other then
      missing[#missing + 1] = signal
    else
      assert.same({signal.trader, signal.symbol, signal.time, signal.price}, {other.trader, other.symbol, other.time, other.price})
    end
  end
  for id, signal in pairs(found) do if not expected[id] then besides[#besides + 1] = signal end end
  if #missing + #besides > 0 then
    lines[1] = ("seed %d: %s\n%d signals expected, %d missing, %d besides:"):format(seed, command, count, #missing, #besides)
    add_lines(lines, "missing", missing)
    add_lines(lines, "besides", besides)
    error(table.concat(lines, "\n"), 0)
  end
  return count
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
  local trader_folder, traders = all_traders()
  local random = market.random(seed)
  local built_in = {}
  for _, t in ipairs(traders) do
    local file = io.open("lua/traders/" .. t.key .. ".lua")
    if file then
      file:close()
      built_in[#built_in + 1] = t
    end
  end

  teardown(function()
    for _, folder in ipairs(folders) do run("rm -rf '%s'", folder) end
  end)

  local function recorded(name, file, body)
    it(name, function()
      if has_data(file) then body() else pending("no recorded klines at " .. KLINES) end
    end)
  end

  recorded("are those of the built-in traders in a week of seven symbols", "ALGOUSDT-1m.csv.gz", function()
    local count = compare {
      folder = KLINES, symbols = WEEK, from = FEBRUARY_3, traders = built_in, trader_folder = folder_of(built_in), workers = 2,
    }
    assert.is_true(count > 1000)
  end)

  recorded("are those of all traders in that week, each firing", "ALGOUSDT-1m.csv.gz", function()
    local what = {folder = KLINES, symbols = WEEK, from = FEBRUARY_3, traders = traders, trader_folder = trader_folder, workers = 3}
    compare(what)
    local fired = {}
    for _, signal in pairs((oracle.signals(what))) do fired[signal.trader] = true end
    for _, t in ipairs(traders) do assert.is_true(fired[t.meaning.id or t.key] or t.key == "turns_down", t.key .. " has no signal: nothing is proven") end
  end)

  recorded("are the same in random windows of it", "ALGOUSDT-1m.csv.gz", function()
    compare_random(random, KLINES, WEEK, traders, IS_SOAK and 100 or 5)
  end)

  recorded("are the same on three days of 1m spot bars", "BTCUSDT-1m.csv.gz", function()
    compare_random(random, KLINES, {"BTCUSDT", "ETHUSDT"}, traders, IS_SOAK and 40 or 3)
  end)

  recorded("are the same on 5m bars with a hole of 223", "BNBUSDT-5m.csv.gz", function()
    local folder, symbols = temp_folder(), {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT"}
    for _, symbol in ipairs(symbols) do run("ln -s \"$(realpath '%s/%s-5m.csv.gz')\" '%s'", KLINES, symbol, folder) end
    local first = oracle.span(folder, "BNBUSDT")
    compare {folder = folder, symbols = symbols, from = first, traders = traders, trader_folder = trader_folder, workers = 2}
    compare_random(random, folder, symbols, traders, IS_SOAK and 40 or 3)
  end)

  recorded("are the same on half a year of 1h bars", "BNBUSDT-1h.csv.gz", function()
    local folder, symbols = temp_folder(), {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "DOGEUSDT", "TRXUSDT"}
    for _, symbol in ipairs(symbols) do run("ln -s \"$(realpath '%s/%s-1h.csv.gz')\" '%s'", KLINES, symbol, folder) end
    local count = compare_random(random, folder, symbols, traders, IS_SOAK and 20 or 2)
    local first = oracle.span(folder, "BTCUSDT")
    count = count + compare {folder = folder, symbols = symbols, from = first + 30 * DAY, traders = traders, trader_folder = trader_folder, workers = 1}
    assert.is_true(count > 0)
  end)

  it("are the same on generated markets full of holes and still stretches", function()
    local total = 0
    for _ = 1, IS_SOAK and 60 or 4 do
      local folder, symbols = temp_folder(), {}
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
