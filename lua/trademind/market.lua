--- A market for specs: bars of one symbol, made step by step, by a generator, or read from a file.
--
-- Every step appends bars behind the last one and returns the market, so that steps chain into a scene:
--
--     spec.market {interval = "1m"}:walk(400):drop(12, 4):bar {change = 0.3}:mark "bounce"
--
-- Prices are rounded to `places` decimals, volumes to 8, as an exchange prints them: what a spec reads from market.bars is
-- what the trader sees, to the bit. The same seed gives the same bars everywhere.
local clock = require "trademind.clock"
local fail = require "trademind.fail"

local floor, abs, exp, max, min, pi, sin = math.floor, math.abs, math.exp, math.max, math.min, math.pi, math.sin

local M = {}

local market = {}
market.__index = market

local OPTIONS = {symbol = 1, interval = 1, start = 1, price = 1, volume = 1, seed = 1, places = 1, bars = 1, model = 1}
local BAR_FIELDS = {
  time = 1, open = 1, high = 1, low = 1, close = 1, change = 1, volume = 1, quote_volume = 1, trades = 1, taker_base = 1, taker_quote = 1,
}
local COLUMNS = {"open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_base", "taker_quote"}
local MONDAY = clock.parse "2026-01-05" -- where a market begins when nothing else is said

local function rounded(x, places)
  local scale = 10 ^ places
  return floor(x * scale + 0.5) / scale
end

local function is_number(x) return type(x) == "number" and x - x == 0 end

local function check_number(x, what, least)
  if not is_number(x) or (least and x < least) then
    fail(("%s is %s; expected a number%s"):format(what, tostring(x), least and (" of at least " .. least) or ""))
  end
  return x
end

local function check_count(n, what)
  if not is_number(n) or n < 0 or n % 1 ~= 0 then fail(("%s: found %s; expected a number of bars"):format(what, tostring(n))) end
  return n
end

local function check_names(given, known, what)
  for name in pairs(given) do
    if not known[name] then
      local names = {}
      for key in pairs(known) do names[#names + 1] = key end
      table.sort(names)
      fail(("%s has no %q; expected %s"):format(what, tostring(name), table.concat(names, ", ")))
    end
  end
end

-- Park and Miller's generator, of which a copied market takes the state along.
local function new_random(seed)
  local random = {state = seed % 2147483646 + 1}
  function random.uniform()
    random.state = random.state * 48271 % 2147483647
    return random.state / 2147483647
  end
  for _ = 1, 16 do random.uniform() end -- the first numbers of seeds that lie close together do so too
  return random
end

-- A sum of twelve uniforms less six is near enough to a normal variable.
local function normal(random)
  local sum = -6
  for _ = 1, 12 do sum = sum + random.uniform() end
  return sum
end

-- ---- appending ----

local function check_bar(self, bar, i)
  local where = ("bar %d of %s (%s)"):format(i, self.symbol, clock.text(bar.time))
  for _, name in ipairs(COLUMNS) do check_number(bar[name], ("%s: %s"):format(where, name), 0) end
  if not (bar.low > 0) then fail(("%s: low is %s; expected a price above 0"):format(where, bar.low)) end
  if bar.high < max(bar.open, bar.close) or bar.low > min(bar.open, bar.close) then
    fail(("%s: open %s and close %s are not within low %s and high %s"):format(where, bar.open, bar.close, bar.low, bar.high))
  end
end

-- What a bar leaves out follows from the rest of it.
local function completed(self, fields)
  local open = fields.open or self.last
  local close = fields.close or (fields.change and self.last * (1 + fields.change / 100)) or open
  check_number(open, "open")
  check_number(close, "close")
  open, close = rounded(open, self.places), rounded(close, self.places)
  local volume = rounded(fields.volume or self.base_volume, 8)
  local bar = {
    time = fields.time or self.next_ms, open = open, close = close, high = fields.high or max(open, close), low = fields.low or min(open, close),
    volume = volume, quote_volume = fields.quote_volume or rounded(volume * close, 8), trades = fields.trades or floor(volume / 10),
    taker_base = fields.taker_base or rounded(volume / 2, 8),
  }
  bar.taker_quote = fields.taker_quote or rounded(bar.taker_base * close, 8)
  return bar
end

local function append(self, fields)
  local bar = completed(self, fields)
  if bar.time < self.next_ms or (bar.time - self.start) % self.step ~= 0 then
    fail(("bar %d of %s: its time %s is %s; expected a multiple of %s from %s on"):format(#self.bars + 1, self.symbol, clock.text(bar.time),
      bar.time < self.next_ms and "not after the bar before" or "not the start of a bar", self.interval, clock.text(self.next_ms)))
  end
  check_bar(self, bar, #self.bars + 1)
  self.bars[#self.bars + 1] = bar
  self.last, self.next_ms = bar.close, bar.time + self.step
end

-- A bar from the last close to `close`, with shadows of a share of the move.
local function move_to(self, close, shadow, volume)
  local open = self.last
  local high, low = max(open, close) * (1 + shadow), min(open, close) * (1 - shadow)
  append(self, {
    close = close, volume = volume, high = max(rounded(high, self.places), open, rounded(close, self.places)),
    low = min(rounded(low, self.places), open, rounded(close, self.places)),
  })
end

--- Append one bar. What is left out: `open` is the last close, `close` the open, `high` and `low` the ends of the body,
-- `volume` that of the market.
-- @function market:bar
-- @param fields {open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote}, or instead of `close` a
-- `change` in per cent of the last close; `time` (ms) leaves out the bars in between
-- @return the market
-- @usage local market = spec.market {}:flat(20):bar {change = -2, low = 97, volume = 5000}
function market:bar(fields)
  if type(fields) ~= "table" then fail("bar: found " .. tostring(fields) .. "; expected a table such as {close = 101}") end
  check_names(fields, BAR_FIELDS, "a bar")
  if fields.close and fields.change then fail "bar: close and change are both given; expected one of them" end
  append(self, fields)
  return self
end

--- Append the bars of a list: numbers are closes, tables are as for `bar`.
-- @function market:list
-- @param list of numbers and tables @return the market
-- @usage local market = spec.market {}:list {100, 101, {close = 99, volume = 40}}
function market:list(list)
  for _, item in ipairs(list) do self:bar(type(item) == "number" and {close = item} or item) end
  return self
end

--- Append n bars in which nothing moves: all four prices are the last close.
-- @function market:flat
-- @param n bars @return the market
-- @usage local market = spec.market {}:flat(20)
function market:flat(n)
  for _ = 1, check_count(n, "flat") do append(self, {}) end
  return self
end

--- Append n bars that move evenly, by `pct` per cent in all, each in the same direction, with small shadows.
-- @function market:trend
-- @param n bars @param pct per cent, below 0 to fall @return the market
-- @usage local market = spec.market {}:trend(100, 12)
function market:trend(n, pct)
  local from = self.last
  check_number(pct, "trend: pct", -99)
  for i = 1, check_count(n, "trend") do
    local close = from * (1 + pct / 100) ^ (i / n)
    move_to(self, close, abs(close / self.last - 1) / 5)
  end
  return self
end

--- Append n bars that fall by `pct` per cent in all: trend(n, -pct).
-- @function market:drop
-- @param n bars @param pct per cent, 0..99 @return the market
-- @usage local market = spec.market {}:walk(50):drop(5, 3)
function market:drop(n, pct) return self:trend(n, -check_number(pct, "drop: pct", 0)) end

--- Append n bars of a random walk: seeded, without gaps between the bars, volume scattered around that of the market.
-- @function market:walk
-- @param n bars
-- @param options {volatility = 0.002 (standard deviation of one bar's return), drift = 0 (mean of it), seed = that of the market}
-- @return the market
-- @usage local market = spec.market {}:walk(300, {volatility = 0.004})
function market:walk(n, options)
  options = options or {}
  check_names(options, {volatility = 1, drift = 1, seed = 1}, "walk")
  local random = options.seed and new_random(options.seed) or self.random
  local volatility, drift = options.volatility or 0.002, options.drift or 0
  for _ = 1, check_count(n, "walk") do
    local close = self.last * exp(drift + volatility * normal(random))
    move_to(self, close, abs(normal(random)) * volatility / 2, self.base_volume * exp(0.3 * normal(random)))
  end
  return self
end

--- Append n bars that swing around the last close as a sine does, upwards first.
-- @function market:wave
-- @param n bars @param pct height of the swing, per cent of the price @param period bars of one swing up and down
-- @return the market
-- @usage local market = spec.market {}:wave(200, 3, 40)
function market:wave(n, pct, period)
  local middle = self.last
  check_number(pct, "wave: pct", 0)
  check_number(period, "wave: period", 2)
  for i = 1, check_count(n, "wave") do
    local close = middle * (1 + pct / 100 * sin(2 * pi * i / period))
    move_to(self, close, pct / 100 / period / 4)
  end
  return self
end

--- Leave out n bars: a hole, as after an outage of the exchange.
-- @function market:skip
-- @param n bars @return the market
-- @usage local market = spec.market {}:walk(100):skip(3):walk(100)
function market:skip(n)
  self.next_ms = self.next_ms + check_count(n, "skip") * self.step
  return self
end

--- Volume of the bars that follow.
-- @function market:volume
-- @param volume 0 or more @return the market
-- @usage local market = spec.market {}:volume(200):walk(100):volume(900):walk(5)
function market:volume(volume)
  self.base_volume = check_number(volume, "volume", 0)
  return self
end

--- Give the newest bar a name, for `at`, `with` and the assertions on signals.
-- @function market:mark
-- @param name text @return the market
-- @usage local market = spec.market {}:walk(50):bar {change = 2}:mark "jump"
function market:mark(name)
  if type(name) ~= "string" or clock.parse(name) then fail("mark: found " .. tostring(name) .. "; expected a name, and not one that is a time") end
  if #self.bars == 0 then fail("mark: there is no bar yet to be named " .. name) end
  self.marks[name] = #self.bars
  return self
end

-- ---- reading and changing ----

--- Index of a bar: 1 is the oldest.
-- @function market:index
-- @param place an index (-1 is the newest), the name of a mark, or a time inside of the bar (text or Unix ms)
-- @return whole number; raises where there is no such bar
-- @usage local i = spec.market {}:walk(50):mark "end":index "end"
function market:index(place)
  local n, found = #self.bars, nil
  local ms = clock.parse(place)
  if ms then
    for i, bar in ipairs(self.bars) do
      if bar.time <= ms and ms < bar.time + self.step then found = i end
    end
  elseif is_number(place) and place % 1 == 0 then
    found = place < 0 and n + 1 + place or place
  else
    found = self.marks[place]
  end
  if found and self.bars[found] then return found end
  local names = {}
  for name in pairs(self.marks) do names[#names + 1] = ("%q"):format(name) end
  table.sort(names)
  fail(("%s has no bar %s; it has %d bars%s%s"):format(self.symbol, type(place) == "string" and ("%q"):format(place) or tostring(place), n,
    n > 0 and (" from %s on"):format(clock.text(self.bars[1].time)) or "", #names > 0 and ", named ones: " .. table.concat(names, ", ") or ""))
end

--- One bar.
-- @function market:at
-- @param place as for `index` @return {time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote}
-- @usage local close = spec.market {}:walk(50):at(-1).close
function market:at(place) return self.bars[self:index(place)] end

--- A copy, which can be continued or changed without the other.
-- @function market:copy
-- @return market
-- @usage local other = spec.market {}:walk(50):copy():drop(5, 3)
function market:copy()
  local copy = setmetatable({}, market)
  for key, value in pairs(self) do copy[key] = value end
  copy.bars, copy.marks, copy.random = {}, {}, new_random(0)
  for i, bar in ipairs(self.bars) do
    copy.bars[i] = {}
    for key, value in pairs(bar) do copy.bars[i][key] = value end
  end
  for name, index in pairs(self.marks) do copy.marks[name] = index end
  copy.random.state = self.random.state
  return copy
end

--- A copy in which one bar is another: the same scene with one thing changed. High and low make room for a new open or close.
-- @function market:with
-- @param place as for `index` @param fields as for `bar`, without `time`; `change` is of the close of the bar before
-- @return market
-- @usage local quieter = spec.market {}:walk(50):mark "last":with("last", {volume = 10})
function market:with(place, fields)
  local copy, i = self:copy(), self:index(place)
  check_names(fields, BAR_FIELDS, "a bar")
  if fields.time then fail "with: the time of a bar stays as it is" end
  local bar, before = copy.bars[i], copy.bars[i - 1]
  for key, value in pairs(fields) do bar[key] = value end
  if fields.change then
    if not before then fail "with: a change needs a bar before" end
    bar.close, bar.change = rounded(before.close * (1 + fields.change / 100), self.places), nil
  end
  bar.high, bar.low = fields.high or max(bar.high, bar.open, bar.close), fields.low or min(bar.low, bar.open, bar.close)
  check_bar(copy, bar, i)
  if i == #copy.bars then copy.last = bar.close end
  return copy
end

--- Number of bars.
-- @function market:count
-- @return whole number
-- @usage local n = spec.market {}:walk(50):count()
function market:count() return #self.bars end

-- ---- files ----

-- A plain decimal that reads back as the same double.
local function decimal(x)
  local text = ("%.8f"):format(x)
  if tonumber(text) ~= x then text = ("%.17g"):format(x) end
  if text:find "e" then text = ("%.24f"):format(x) end
  return text
end

--- Write the bars as a file that `trademind replay` reads: SYMBOL-INTERVAL.csv.
-- @function market:write
-- @param folder that is there @return path of the file
function market:write(folder)
  local path = ("%s/%s-%s.csv"):format(folder, self.symbol, self.interval)
  local file = assert(io.open(path, "w"))
  file:write "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote\n"
  for _, bar in ipairs(self.bars) do
    local d = decimal
    file:write(("%.0f,%s,%s,%s,%s,%s,%.0f,%s,%.0f,%s,%s\n"):format(bar.time, d(bar.open), d(bar.high), d(bar.low), d(bar.close), d(bar.volume),
      bar.time + self.step - 1, d(bar.quote_volume), bar.trades, d(bar.taker_base), d(bar.taker_quote)))
  end
  file:close()
  return path
end

local function lines_of(path)
  local file, why
  if path:find "%.gz$" then
    file = io.open(path)
    if file then
      file:close()
      file = io.popen("gzip -dc '" .. path:gsub("'", "'\\''") .. "'")
    end
  else
    file, why = io.open(path)
  end
  if not file then fail(("%s: cannot be opened%s"):format(path, why and ": " .. why or "")) end
  local text = file:read "*a"
  file:close()
  return text:gmatch "[^\r\n]+"
end

-- ---- making ----

local function default_places(price) return max(0, min(8, 5 - floor(math.log(price) / math.log(10) + 1e-9))) end

local function start_of(self, given)
  local first = self.interval == "1w" and MONDAY % self.step or 0
  if not given then return MONDAY - (MONDAY - first) % self.step end
  local start = clock.parse(given)
  if not start then fail(("start is %q; expected a time such as \"2026-01-05\" or \"2026-01-05T14:05\", UTC"):format(tostring(given))) end
  if start % self.step ~= first then fail(("start is %s, at which no %s bar opens"):format(clock.text(start), self.interval)) end
  return start
end

--- A market; see spec.market.
function M.new(options)
  options = options or {}
  check_names(options, OPTIONS, "a market")
  local self = setmetatable({bars = {}, marks = {}, symbol = options.symbol or "TESTUSDT", interval = options.interval or "5m"}, market)
  self.step = clock.step(self.interval)
  if not self.step then fail(("interval is %q; expected one of %s"):format(tostring(self.interval), clock.INTERVALS)) end
  self.start = start_of(self, options.start)
  local price = check_number(options.price or 100, "price")
  if not (price > 0) then fail(("price is %s; expected a number above 0"):format(price)) end
  self.places = options.places or default_places(price)
  self.base_volume = check_number(options.volume or 1000, "volume", 0)
  self.random = new_random(check_number(options.seed or 1, "seed"))
  self.last, self.next_ms = rounded(price, self.places), self.start
  if type(options.bars) == "table" then return self:list(options.bars) end
  if options.bars then
    local model = options.model or self.walk
    model(self, check_count(options.bars, "bars"))
  elseif options.model then
    fail "model is given without bars, the number that it is to make"
  end
  return self
end

--- A market from a file; see spec.csv.
function M.read(path, options)
  options = options or {}
  local name = path:match "[^/]+$" or ""
  local symbol, interval = name:match "^(.+)%-(%d+%a)%.csv"
  symbol, interval = options.symbol or symbol, options.interval or interval
  if not symbol or not interval then fail(("%s: its name says no symbol and interval; expected SYMBOL-INTERVAL.csv, or give both"):format(path)) end
  local number, self = 0, nil
  for line in lines_of(path) do
    number = number + 1
    local cells = {}
    for cell in (line .. ","):gmatch "([^,]*)," do cells[#cells + 1] = tonumber(cell) or false end
    if number > 1 then
      if not (cells[1] and cells[2] and cells[3] and cells[4] and cells[5] and cells[6]) then
        fail(("%s:%d: found %q; expected open_time,open,high,low,close,volume,..."):format(path, number, line:sub(1, 60)))
      end
      self = self or M.new {symbol = symbol, interval = interval, start = cells[1], price = cells[2], places = 8}
      append(self, {
        time = cells[1], open = cells[2], high = cells[3], low = cells[4], close = cells[5], volume = cells[6], quote_volume = cells[8] or 0,
        trades = cells[9] or 0, taker_base = cells[10] or 0, taker_quote = cells[11] or 0,
      })
    end
  end
  if not self then fail(path .. ": no bars in it") end
  return self
end

--- Whether a value is a market.
function M.is_market(value) return getmetatable(value) == market end

return M
