--- What specs of traders need: a market, one run of a trader over it, assertions on its signals. For busted.
--
--     local spec = require "trademind.spec"
--
--     describe("the bounce", function()
--       it("comes at the first green bar after a sell-off", function()
--         local market = spec.market {interval = "1m"}:walk(400):drop(12, 4):bar {change = 0.3}:mark "green"
--         local run = spec.run {market = market} -- of the trader beside this spec
--         assert.signals(run, {"green"})
--       end)
--     end)
--
-- The run is `trademind replay` on the bars of the market: the same evaluation as in the daemon, warm-up, firing and
-- sandbox included.
local assert = require "luassert"
local clock = require "trademind.clock"
local fail = require "trademind.fail"
local markets = require "trademind.market"
local replay = require "trademind.replay"
local say = require "say"

local M = {}

local RUN_OPTIONS = {trader = 1, code = 1, market = 1, references = 1, inputs = 1, from = 1, to = 1, settings = 1}
local SHOWN = 12

-- ---- markets ----

--- A market, empty or filled by a generator; see trademind.market for the steps that append to it.
-- @param options {symbol ("TESTUSDT"), interval ("5m"), start (a Monday, "2026-01-05"; UTC), price (100), volume (1000, of a bar),
-- places (decimals of a price; by the price), seed (1), bars = how many the model makes at once, or a list as for `market:list`,
-- model = spec.walk {...} or a function(market, n)}
-- @return market
-- @usage local market = spec.market {symbol = "BTCUSDT", interval = "1h", price = 95000, bars = 600, model = spec.walk {seed = 7}}
function M.market(options) return markets.new(options) end

--- A market of the bars of a list.
-- @param list numbers (closes) and tables such as {open = 99, close = 100, volume = 3}; see `market:bar`
-- @param options as for spec.market, without `bars` and `model` @return market
-- @usage local market = spec.bars({100, 101, {close = 99, high = 104}}, {interval = "15m"})
function M.bars(list, options) return markets.new(options):list(list) end

--- A market from a file SYMBOL-INTERVAL.csv or .csv.gz of recorded klines. Higher timeframes are made of its bars.
-- @param path of the file @param options {symbol, interval}, where its name does not say them @return market
-- @usage local ok = pcall(spec.csv, "klines/BTCUSDT-1m.csv.gz")
function M.csv(path, options) return markets.read(path, options) end

--- A model for spec.market: a random walk.
-- @param options {seed, volatility, drift}; see `market:walk` @return function(market, n)
-- @usage local market = spec.market {bars = 300, model = spec.walk {seed = 3, volatility = 0.005}}
function M.walk(options)
  return function(market, n) return market:walk(n, options) end
end

--- A model for spec.market: swings like a sine's.
-- @param options {pct (2), period (50)}; see `market:wave` @return function(market, n)
-- @usage local market = spec.market {bars = 300, model = spec.wave {pct = 3, period = 60}}
function M.wave(options)
  options = options or {}
  return function(market, n) return market:wave(n, options.pct or 2, options.period or 50) end
end

-- ---- the trader ----

-- File of the spec that called: the first that is not in here.
local function calling_file()
  local here = debug.getinfo(1, "S").source
  for level = 2, 40 do
    local info = debug.getinfo(level, "S")
    if not info then return nil end
    if info.source ~= here and info.what ~= "C" and info.source:sub(1, 1) == "@" then return info.source:sub(2) end
  end
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

-- TRADEMIND_TRADER names a file that stands in for the trader of its name: how mutants are tried.
local function read_trader(path)
  local instead = os.getenv "TRADEMIND_TRADER"
  if instead and instead:match "[^/]*$" == path:match "[^/]*$" then path = instead end
  return read(path)
end

-- {name, path, code} of the trader that the options name.
local function trader_of(options)
  if options.code then return {name = "trader", path = "trader.lua", code = options.code} end
  local caller = calling_file()
  local folder = caller and caller:match "^(.*/)[^/]*$" or ""
  local path = options.trader
  if not path then
    path = caller and caller:match "^(.*)_spec%.lua$"
    if not path then fail "run: no trader is given, and the spec is not called NAME_spec.lua beside a NAME.lua" end
    path = path .. ".lua"
  end
  local code = read_trader(path)
  if not code and options.trader and read_trader(folder .. path) then path, code = folder .. path, read_trader(folder .. path) end
  if not code then fail(("%s: there is no such trader"):format(path)) end
  return {name = path:match "([^/]*)%.lua$" or path, path = path, code = code}
end

-- ---- a run ----

local run_methods = {}
run_methods.__index = run_methods

-- Newest bar of the market that had closed by `ms`.
local function closed_by(market, ms)
  local low, high = 0, #market.bars
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if market.bars[middle].time + market.step <= ms then low = middle else high = middle - 1 end
  end
  return low
end

local function known(value) return value ~= require("cjson").null and value or nil end

local function as_signal(row, by_symbol)
  local signal = {
    bar = closed_by(by_symbol[row.symbol], row.closeTime), time = row.time, close_time = row.closeTime, symbol = row.symbol, interval = row.interval,
    trader = row.trader, id = row.id, price = row.price, volume = row.volume, side = known(row.side), score = known(row.score), stop = known(row.stop),
    targets = row.targets, conditions = row.conditions, values = row.values, plots = row.plots, tags = row.tags, late = row.late,
  }
  return signal
end

-- Warnings and errors of the program, but not what it thinks of the machine's settings. Of several it is the last that
-- only says that, for these reasons, it ends.
local function complaints(log)
  local list = {}
  for _, line in ipairs(log) do
    if (line.level == "warn" or line.level == "error") and line.component ~= "config" and line.component ~= "script" then
      list[#list + 1] = line.message
    end
  end
  if #list > 1 and list[#list]:find "no trader could be loaded$" then list[#list] = nil end
  return list
end

local function time_of(market, place, what)
  if place == nil then return nil end
  local ms = clock.parse(place)
  if ms then return ms end
  local ok, index = pcall(market.index, market, place)
  if not ok then fail(("%s: %s"):format(what, index:gsub("^[^%s]+:%d+: ", ""))) end
  return market.bars[index].time
end

-- One market or several as a list; nil for anything else.
local function list_of(given)
  if markets.is_market(given) then return {given} end
  if type(given) ~= "table" then return nil end
  for _, market in ipairs(given) do if not markets.is_market(market) then return nil end end
  return given
end

local function add_markets(by_symbol, list)
  for _, market in ipairs(list) do
    if by_symbol[market.symbol] then fail(("run: two markets are called %s; give them different symbols"):format(market.symbol)) end
    if #market.bars == 0 then fail(("run: %s has no bars"):format(market.symbol)) end
    by_symbol[market.symbol] = market
  end
end

--- Run one trader over a market. An error of the trader, at load or on any bar, is raised with its message.
-- @param options {market = market or list of markets with different symbols (a trader with rank ranks them), references = market or
-- list of markets to which the trader refers, and at which it is not run; their symbols are those that it names;
-- trader = path of the file, from the current folder or
-- from that of the spec (the NAME.lua beside a NAME_spec.lua), code = its text instead, inputs = {name = value} (a NAME.json beside the
-- trader is not read), from = first bar that may signal, as for `market:index` (the first: signals come from the end of the warm-up on),
-- to = first bar that is left out, settings = {NAME = value} of trademind}
-- @return run: {signals, warmup, evaluations, log}. `signals`: list, oldest first, of {bar = index of the market's bar at whose close it came,
-- time and close_time of the trader's bar (ms), price, symbol, interval, side, score, stop, targets, conditions (texts of those that held),
-- values (what they read, by name), plots, tags, id}. `warmup`: bars of the
-- trader's interval that passed before it was evaluated. `log`: lines of {level, component, message}; those of print() are of component "script"
-- @usage local run = spec.run {code = "return trader {filter = function(m) return m.close[0] > m.open[0] end}", market = spec.market {bars = 300}}
function M.run(options)
  for name in pairs(options) do
    if not RUN_OPTIONS[name] then
      fail(("run has no option %q; expected trader, code, market, references, inputs, from, to, settings"):format(tostring(name)))
    end
  end
  local list, references = list_of(options.market), list_of(options.references)
  if not list or #list == 0 then fail "run: no market is given; expected market = spec.market {...}" end
  if not references and options.references ~= nil then fail "run: references: expected a market, or a list of markets" end
  local trader, by_symbol = trader_of(options), {}
  add_markets(by_symbol, list)
  add_markets(by_symbol, references or {})
  local result = replay.run {
    name = trader.name, path = trader.path, code = trader.code, inputs = options.inputs, markets = list,
    references = references or {}, settings = options.settings,
    from = time_of(list[1], options.from, "from"), to = time_of(list[1], options.to, "to"),
  }
  local found = complaints(result.log)
  if result.code ~= 0 or #found > 0 then
    fail(#found > 0 and table.concat(found, "\n") or "trademind replay ended with code " .. tostring(result.code))
  end
  local run = setmetatable({signals = {}, log = result.log, markets = list, trader = trader.name}, run_methods)
  for i, row in ipairs(result.signals) do run.signals[i] = as_signal(row, by_symbol) end
  local last = result.log[#result.log].message
  run.evaluations = tonumber(last:match "(%d+) evaluations")
  run.warmup = tonumber(last:match "(%d+) warming up")
  return run
end

--- The signals of one symbol, where a run had several markets.
-- @function run:of
-- @param symbol text, or the market @return run with the signals of that symbol only
-- @usage local n = #run:of("TESTUSDT").signals
function run_methods:of(symbol)
  local part = setmetatable({signals = {}}, run_methods)
  for _, key in ipairs {"log", "trader", "evaluations", "warmup"} do part[key] = self[key] end
  for _, market in ipairs(self.markets) do
    if market == symbol or market.symbol == symbol then part.markets = {market} end
  end
  if not part.markets then fail(("of: the run had no market %s"):format(tostring(symbol))) end
  for _, signal in ipairs(self.signals) do
    if signal.symbol == part.markets[1].symbol then part.signals[#part.signals + 1] = signal end
  end
  return part
end

--- The signal at a place, nil when there is none.
-- @function run:at
-- @param place index of a bar of the market, the name of a mark (both: the bar at whose close the signal came), or the time at which
-- the trader's bar opened
-- @return signal
-- @usage local signal = run:at(-1)
function run_methods:at(place)
  local ms = clock.parse(place)
  local index = not ms and self.markets[1]:index(place)
  for _, signal in ipairs(self.signals) do
    if signal.time == ms or signal.bar == index and signal.symbol == self.markets[1].symbol then return signal end
  end
end

--- Whether a signal came at a place.
-- @function run:fires_at
-- @param place as for `at` @return boolean
-- @usage local fires = run:fires_at(250)
function run_methods:fires_at(place) return self:at(place) ~= nil end

-- ---- what is said ----

local function place_text(run, place)
  local market = run.markets[1]
  local ms = clock.parse(place)
  if ms then return clock.text(ms) end
  local index = market:index(place)
  return ("bar %d%s, %s"):format(index, type(place) == "string" and (" (%q)"):format(place) or "", clock.text(market.bars[index].time))
end

local function signal_text(run, signal)
  local words = {("bar %d"):format(signal.bar)}
  for name, index in pairs(run.markets[1].marks) do if index == signal.bar then words[#words + 1] = ("(%q)"):format(name) end end
  words[#words + 1] = clock.text(signal.time)
  if #run.markets > 1 then words[#words + 1] = signal.symbol end
  words[#words + 1] = ("price %s"):format(signal.price)
  words[#words + 1] = signal.side
  words[#words + 1] = #signal.conditions > 0 and "(" .. table.concat(signal.conditions, "; ") .. ")" or nil
  return "  " .. table.concat(words, "  ")
end

--- What the run gave, as a text of a few lines.
-- @function run:describe
-- @return text
-- @usage print(run:describe())
function run_methods:describe()
  local market, n = self.markets[1], #self.signals
  local lines = {("%s gave %s in %d bars of %s %s%s"):format(self.trader, n == 0 and "no signal" or n == 1 and "1 signal" or n .. " signals",
    #market.bars, market.symbol, market.interval, self.warmup and (", the first %d of its own spent warming up"):format(self.warmup) or "")}
  for i = 1, math.min(n, SHOWN) do lines[#lines + 1] = signal_text(self, self.signals[i]) end
  if n > SHOWN then lines[#lines + 1] = ("  and %d more"):format(n - SHOWN) end
  return table.concat(lines, "\n")
end

-- ---- assertions ----

local function is_run(value) return getmetatable(value) == run_methods end

-- luassert makes its message from the arguments: they become ours.
local function tell(arguments, message)
  for i = #arguments, 2, -1 do arguments[i] = nil end
  arguments[1], arguments.n, arguments.nofmt = message, 1, {true}
end

local function assertion(name, check)
  assert:register("assertion", name, function(_, arguments)
    local run = arguments[1]
    if not is_run(run) then fail(("assert.%s: found a %s; expected a run first: assert.%s(spec.run {...})"):format(name, type(run), name)) end
    local held, expected = check(run, unpack(arguments, 2, arguments.n))
    tell(arguments, expected .. "; " .. run:describe())
    return held
  end, "assertion.trademind", "assertion.trademind.not")
end

local function is_silent(run)
  if run.warmup and run.evaluations <= run.warmup then return false, "the trader to have been evaluated" end
  return #run.signals == 0, "no signal"
end

say:set("assertion.trademind", "expected %s")
say:set("assertion.trademind.not", "did not expect %s")

--- Assert that a signal came at a place, whatever else came. `assert.no.fires_at` is the opposite.
-- @function assert.fires_at
-- @param run of spec.run @param place as for `run:at`
-- @usage assert.no.fires_at(run, 10)
assertion("fires_at", function(run, place)
  return run:fires_at(place), ("a signal at %s"):format(place_text(run, place))
end)

--- Assert that signals came at these places and at no others.
-- @function assert.signals
-- @param run of spec.run @param places list, as for `run:at`, in any order; empty: as assert.silent
-- @usage assert.signals(spec.run {code = "return trader {filter = function() return false end}", market = spec.market {bars = 300}}, {})
assertion("signals", function(run, places)
  local wanted, n, texts, held = {}, 0, {}, true
  for i, place in ipairs(places) do
    local signal = run:at(place)
    texts[i] = place_text(run, place)
    held = held and signal ~= nil
    if signal and not wanted[signal] then
      wanted[signal], n = true, n + 1
    end
  end
  if #places == 0 then return is_silent(run) end
  return held and n == #run.signals, "signals exactly at " .. table.concat(texts, " and ")
end)

--- Assert that no signal came at all. The trader must have been evaluated: a market that ends before its warm-up proves nothing.
-- @function assert.silent
-- @param run of spec.run
-- @usage assert.silent(spec.run {code = "return trader {filter = function() return false end}", market = spec.market {bars = 300}})
assertion("silent", is_silent)

return M
