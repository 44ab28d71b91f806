-- The helper for specs of traders, lua/trademind: markets, runs, and what its assertions say.
local lfs = require "lfs"
local spec = require "trademind.spec"

local RISES = [[return trader {interval = "5m", conditions = {{"green", function(m) return m.close[0] > m.open[0] end}}}]]
local function rises(market, options)
  options = options or {}
  options.market, options.code = market, options.code or RISES
  return spec.run(options)
end

-- Of ten still bars the fifth rises.
local function one_green() return spec.market {}:flat(4):bar {change = 1}:mark "green":flat(5) end

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return tostring(type(message) == "table" and message.message or message)
end

local function says(expected, f, ...)
  local message = message_of(f, ...)
  if not message:find(expected, 1, true) then error(("it says: %s\nexpected: %s"):format(message, expected), 2) end
end

describe("the examples of the comments", function()
  for name in lfs.dir "lua/trademind" do
    if name:find "%.lua$" then
      local number = 0
      for line in io.lines("lua/trademind/" .. name) do
        number = number + 1
        local usage = line:match "^%-%- @usage (.*)$"
        if usage then
          it(("%s:%d: %s"):format(name, number, usage), function()
            local run = rises(spec.market {}:walk(300))
            local f = assert(loadstring(usage))
            setfenv(f, setmetatable({spec = spec, run = run, assert = assert, print = function() end}, {__index = _G}))()
          end)
        end
      end
    end
  end
end)

describe("a market", function()
  it("is made in steps", function()
    local market = spec.market {symbol = "X", interval = "1h", price = 200, volume = 10}
    market:flat(2):bar {change = 1}:trend(10, 5):drop(5, 2):bar {close = 7, low = 6}
    assert.equal(19, market:count())
    assert.same({200, 200, 202}, {market:at(1).close, market:at(2).close, market:at(3).close})
    assert.near(202 * 1.05, market:at(13).close, 0.01)
    assert.near(202 * 1.05 * 0.98, market:at(18).close, 0.01)
    local last = market:at(-1)
    assert.same({market:at(18).close, market:at(18).close, 6, 7, 10}, {last.open, last.high, last.low, last.close, last.volume})
    for i = 2, market:count() do
      local bar, before = market:at(i), market:at(i - 1)
      assert.equal(3600000, bar.time - before.time)
      assert.is_true(bar.low <= math.min(bar.open, bar.close) and bar.high >= math.max(bar.open, bar.close))
    end
  end)

  it("begins on a Monday, or where it is told to", function()
    assert.equal(1767571200000, spec.market {}:flat(1):at(1).time)
    assert.equal("2026-01-05", os.date("!%Y-%m-%d", spec.market {interval = "1w"}:flat(1):at(1).time / 1000))
    assert.equal(1770127500000, spec.market {start = "2026-02-03T14:05"}:flat(1):at(1).time)
    assert.equal(1770127500000, spec.market {start = "2026-02-03 14:05:00Z"}:flat(1):at(1).time)
    for year = 1999, 2101 do -- each month, leap years and centuries among them
      for month = 1, 12 do
        local text = ("%04d-%02d-01"):format(year, month)
        assert.equal(text, os.date("!%Y-%m-%d", require("trademind.clock").parse(text) / 1000))
      end
    end
  end)

  it("walks the same way from the same seed, and another from another", function()
    local function closes(market)
      local list = {}
      for i, bar in ipairs(market.bars) do list[i] = bar.close end
      return table.concat(list, " ")
    end
    assert.equal(closes(spec.market {seed = 5}:walk(50)), closes(spec.market {seed = 5}:walk(50)))
    assert.not_equal(closes(spec.market {seed = 5}:walk(50)), closes(spec.market {seed = 6}:walk(50)))
    assert.equal(closes(spec.market {}:walk(50, {seed = 5})), closes(spec.market {bars = 50, model = spec.walk {seed = 5}}))
  end)

  it("moves by what volatility and drift say", function()
    local market, sum, squares = spec.market {price = 1000}:walk(4000, {volatility = 0.01, drift = 0.001}), 0, 0
    for _, bar in ipairs(market.bars) do
      local r = math.log(bar.close / bar.open)
      sum, squares = sum + r, squares + r * r
    end
    assert.near(0.001, sum / 4000, 0.0006)
    assert.near(0.01, math.sqrt(squares / 4000 - (sum / 4000) ^ 2), 0.0005)
  end)

  it("can be copied and changed without the other", function()
    local market = spec.market {}:walk(10):mark "a"
    local changed, longer = market:with("a", {close = 300, volume = 7}), market:copy():walk(3)
    assert.same({300, 300, 7}, {changed:at("a").close, changed:at("a").high, changed:at("a").volume})
    assert.not_equal(300, market:at("a").close)
    assert.same({10, 13}, {market:count(), longer:count()})
    assert.same(longer:at(-1), market:walk(3):at(-1)) -- the copy took the generator's place along
  end)

  it("has holes where bars are left out", function()
    local market = spec.market {interval = "1m"}:flat(2):skip(3):flat(1):bar {time = 1767571200000 + 9 * 60000}
    assert.same({0, 1, 5, 9}, {0, 1, (market:at(3).time - market:at(1).time) / 60000, (market:at(4).time - market:at(1).time) / 60000})
  end)

  it("finds a bar by index, mark and time", function()
    local market = one_green()
    assert.same({5, 5, 10}, {market:index "green", market:index(5), market:index(-1)})
    assert.same({3, 3, 4}, {market:index "2026-01-05T00:10", market:index "2026-01-05T00:14:59", market:index(1767571200000 + 15 * 60000)})
  end)

  it("is read from a file as it was written", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    local market = spec.market {symbol = "TINYUSDT", price = 0.00001234, places = 8}:walk(50):skip(2):walk(50)
    local path = market:write(folder)
    local copy = spec.csv(path)
    assert.equal(0, os.execute(("gzip -k '%s'"):format(path)))
    local packed = spec.csv(path .. ".gz")
    assert.same({"TINYUSDT", "5m"}, {copy.symbol, copy.interval})
    assert.same(market.bars, copy.bars)
    assert.same(market.bars, packed.bars)
    for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
    lfs.rmdir(folder)
  end)

  it("says what is wrong, and at which line of the spec", function()
    local here = "author_spec.lua:" .. debug.getinfo(1, "l").currentline + 1 .. ": "
    says(here .. 'a market has no "intervall"; expected bars, interval,', function() spec.market {intervall = "5m"} end)
    says('interval is "7m"; expected one of 1s 1m', function() spec.market {interval = "7m"} end)
    says('start is "noon"; expected a time such as', function() spec.market {start = "noon"} end)
    says("start is 2026-01-05T00:01:00Z, at which no 5m bar opens", function() spec.market {start = "2026-01-05T00:01"} end)
    says("price is 0; expected a number above 0", function() spec.market {price = 0} end)
    says("flat: found -1; expected a number of bars", function() spec.market {}:flat(-1) end)
    says('a bar has no "closed"', function() spec.market {}:bar {closed = 1} end)
    says("close and change are both given", function() spec.market {}:bar {close = 1, change = 1} end)
    says("bar 1 of TESTUSDT (2026-01-05T00:00:00Z): open 100 and close 100 are not within low 101", function() spec.market {}:bar {low = 101} end)
    says("bar 1 of TESTUSDT (2026-01-05T00:00:00Z): volume is -1", function() spec.market {}:bar {volume = -1} end)
    says('TESTUSDT has no bar "red"; it has 10 bars from 2026-01-05T00:00:00Z on, named ones: "green"', function() one_green():at "red" end)
    says("TESTUSDT has no bar 11", function() one_green():at(11) end)
    says("model is given without bars", function() spec.market {model = spec.walk {}} end)
    says("/no/where-1m.csv: cannot be opened", spec.csv, "/no/where-1m.csv")
    says("its name says no symbol and interval", spec.csv, "/no/where.csv")
  end)
end)

describe("a run", function()
  it("gives the signals with bar, time and price", function()
    local run = rises(one_green())
    assert.equal(1, #run.signals)
    local signal = run.signals[1]
    assert.same({5, 1767571200000 + 4 * 300000, 101, "TESTUSDT", "5m"}, {signal.bar, signal.time, signal.price, signal.symbol, signal.interval})
    assert.same({"green"}, signal.conditions)
    assert.equal(101, signal.values["close 5m"])
    assert.is_nil(signal.side)
    assert.equal(signal, run:at "green")
    assert.is_true(run:fires_at "2026-01-05T00:20")
    assert.is_false(run:fires_at(4))
  end)

  it("counts the warm-up", function()
    local code = [[return trader {filter = function(m) return m.close[0] > ta.sma(m.close, 30)[0] end}]]
    assert.equal(29, rises(spec.market {}:walk(50), {code = code}).warmup)
  end)

  it("says which bar of the market ended a larger one", function()
    local market = spec.market {interval = "5m"}:flat(10):bar {change = 1}:flat(20)
    local run = rises(market, {code = RISES:gsub('"5m"', '"15m"')})
    assert.signals(run, {12})
    assert.equal(1767571200000 + 9 * 300000, run.signals[1].time)
    assert.is_true(run:fires_at "2026-01-05T00:45")
  end)

  it("starts and ends where it is told to", function()
    local market = spec.market {}:flat(4):bar {change = 1}:flat(4):bar {change = 1}:mark "second":flat(4):bar {change = 1}
    assert.signals(rises(market), {5, 10, 15})
    assert.signals(rises(market, {from = 7}), {10, 15})
    assert.signals(rises(market, {from = 7, to = -1}), {"second"})
    assert.signals(rises(market, {from = "2026-01-05T00:50"}), {15})
  end)

  it("takes inputs and settings", function()
    local code = [[local n = input.int("n", 3) return trader {filter = function(m) return m.count == n end}]]
    assert.signals(rises(one_green(), {code = code}), {3})
    assert.signals(rises(one_green(), {code = code, inputs = {n = 6}}), {6})
    local spins = [[return trader {filter = function(m) local x = 0 for i = 1, 1e9 do x = x + i end return x < 0 end}]]
    says("over its limit SCRIPT_CPU_MS of 5 ms", rises, one_green(), {code = spins, settings = {SCRIPT_CPU_MS = 5}})
  end)

  it("gives what print has written", function()
    local code = [[return trader {filter = function(m) if m.close[0] == 101 and m.close[1] == 100 then print("here", m.close[0]) end return false end}]]
    local run = rises(one_green(), {code = code})
    local lines = {}
    for _, line in ipairs(run.log) do if line.component == "script" then lines[#lines + 1] = line.message end end
    assert.equal(1, #lines)
    assert.truthy(lines[1]:find("here 101", 1, true))
  end)

  it("takes several markets, and parts of it one", function()
    local quiet, green = spec.market {symbol = "QUIETUSDT"}:flat(10), one_green()
    local run = rises({green, quiet})
    assert.signals(run, {"green"})
    assert.signals(run:of(green), {5})
    assert.signals(run:of "QUIETUSDT", {})
    says("the run had no market OTHER", run.of, run, "OTHER")
    says("two markets are called QUIETUSDT", rises, {quiet, quiet})
  end)

  it("takes markets to which the trader refers, and does not run it on them", function()
    local btc = spec.market {symbol = "BTCUSDT"}:flat(4):bar {change = 1}:flat(5)
    local run = rises(one_green(), {references = btc})
    assert.signals(run, {"green"})
    assert.equal("TESTUSDT", run.signals[1].symbol)
    assert.equal(10, rises(one_green(), {references = {btc}}).evaluations)
    says("two markets are called TESTUSDT", rises, one_green(), {references = one_green()})
    says("run: references: expected a market, or a list of markets", rises, one_green(), {references = "BTCUSDT"})
  end)

  it("raises an error of the trader, at load and on a bar", function()
    says('author_spec.lua', rises, one_green(), {code = "return trader {filter = 1}"})
    says('trader.lua:1: field "filter" is 1; expected a function(m)', rises, one_green(), {code = "return trader {filter = 1}"})
    says('there is no input "leng"; did you mean "length"?', spec.run,
      {market = one_green(), trader = "lua/traders/rsi_oversold_bounce.lua", inputs = {leng = 3}})
    says("lua/traders/rsi_oversold_bounce.lua", spec.run,
      {market = one_green(), trader = "lua/traders/rsi_oversold_bounce.lua", inputs = {leng = 3}})
    local late = "return trader {filter = function(m)\nif m.close[0] == 101 then return m.x.y end return false end}"
    says('trader.lua:2: the market has no field "x"', rises, one_green(), {code = late})
    says("TESTUSDT has 15m bars only; traders on 5m do not see it", rises, spec.market {interval = "15m"}:flat(3))
  end)

  it("says what is wrong with the call", function()
    says("lua/traders/nobody.lua: there is no such trader", spec.run, {market = one_green(), trader = "lua/traders/nobody.lua"})
    says("run: no market is given", spec.run, {code = RISES})
    says('run has no option "input"', spec.run, {code = RISES, market = one_green(), input = {}})
    says("run: TESTUSDT has no bars", spec.run, {code = RISES, market = spec.market {}})
    says("from: TESTUSDT has no bar 99", rises, one_green(), {from = 99})
    says("spec/lua/author.lua: there is no such trader", spec.run, {market = one_green()}) -- the trader beside this spec
  end)

  it("leaves no folder behind, whatever happens", function()
    local made, tmpname = {}, os.tmpname
    os.tmpname = function() -- luacheck: ignore 122
      made[#made + 1] = tmpname()
      return made[#made]
    end
    rises(one_green())
    pcall(rises, one_green(), {code = "return"})
    pcall(rises, one_green(), {inputs = {x = print}})
    os.tmpname = tmpname -- luacheck: ignore 122
    assert.equal(3, #made)
    for _, folder in ipairs(made) do assert.is_nil(lfs.attributes(folder)) end
  end)
end)

describe("an assertion", function()
  local run = rises(one_green())
  local none = rises(spec.market {}:flat(10))
  local cold = rises(spec.market {}:walk(10), {code = [[return trader {filter = function(m) return m.close[0] > ta.sma(m.close, 30)[0] end}]]})

  it("holds", function()
    assert.signals(run, {"green"})
    assert.fires_at(run, 5)
    assert.no.fires_at(run, 4)
    assert.silent(none)
    assert.signals(none, {})
    assert.no.silent(run)
    assert.no.signals(run, {4})
  end)

  it("says where signals came when they should have come elsewhere", function()
    says('expected a signal at bar 4, 2026-01-05T00:15:00Z; trader gave 1 signal in 10 bars of TESTUSDT 5m', assert.fires_at, run, 4)
    says('\n  bar 5  ("green")  2026-01-05T00:20:00Z  price 101  (green)', assert.fires_at, run, 4)
    says("expected signals exactly at bar 5", assert.signals, none, {5})
    says("and bar 6, 2026-01-05T00:25:00Z; trader gave 1 signal", assert.signals, run, {5, 6})
    says('did not expect a signal at bar 5 ("green"), 2026-01-05T00:20:00Z; trader gave 1 signal', assert.no.fires_at, run, "green")
    says("expected no signal; trader gave 1 signal", assert.silent, run)
    says("expected no signal; trader gave 1 signal", assert.signals, run, {})
  end)

  it("takes no silence of a trader that was never warm", function()
    says("expected the trader to have been evaluated; trader gave no signal in 10 bars of TESTUSDT 5m, the first 10 of its own spent warming up",
      assert.silent, cold)
    says("expected the trader to have been evaluated", assert.signals, cold, {})
  end)

  it("wants a run", function()
    says("assert.silent: found a table; expected a run first", assert.silent, {})
  end)
end)
