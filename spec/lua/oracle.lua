--- A slow, independent evaluation: which signals the traders give on recorded klines, found from the CSV files alone.
-- Nothing of what it checks is used: no library, no stdlib of the traders, not the traders' code (only its hash, which is
-- part of the ids). One symbol, one trader, one bar after the other, every rule spelled out.
local hash = require "spec.lua.oracle_hash"
local indicators = require "spec.lua.oracle_indicators"

-- The LuaJIT of Debian 12 ends loops over pairs() early once it has given up on compiling them (lua/stdlib/traversal.lua): a
-- chart was left behind. What says what is right is interpreted.
jit.off(true, true)

local M = {}

local NAMESPACE = "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"
local STEP = {["1m"] = 60000, ["5m"] = 300000, ["15m"] = 900000, ["1h"] = 3600000}
local ORDER = {"1m", "5m", "15m", "1h"} -- smallest first
local FIELDS = {"time", "open", "high", "low", "close", "volume"}
-- REBUILD_BARS: what is loaded beyond the depth of the deepest trader; with holes in it some traders are warm later.
local KLINE_HISTORY, SILENT_BARS, REBUILD_BARS = 1000, 100, 256
local floor = math.floor

-- ---- charts ----

local function lines_of(path)
  local file = path:find "%.gz$" and io.popen("gzip -dc '" .. path .. "'") or io.open(path)
  local text = assert(file, path):read "*a"
  file:close()
  return text:gmatch "[^\r\n]+"
end

local function new_chart(step)
  local chart = {n = 0, step = step}
  for _, field in ipairs(FIELDS) do chart[field] = {} end
  return chart
end

local function append(chart, time, open, high, low, close, volume)
  local n = chart.n + 1
  chart.n, chart.time[n], chart.open[n], chart.high[n], chart.low[n], chart.close[n], chart.volume[n] = n, time, open, high, low, close, volume
end

local function read_chart(path, step)
  local chart = new_chart(step)
  local next_line = lines_of(path)
  next_line() -- the names of the columns
  for line in next_line do
    local time, open, high, low, close, volume = line:match "^(%d+),([^,]+),([^,]+),([^,]+),([^,]+),([^,]+),"
    append(chart, tonumber(time), tonumber(open), tonumber(high), tonumber(low), tonumber(close), tonumber(volume))
  end
  return chart
end

-- Bars of a larger interval out of those there are. What the recording has only a part of, at its two ends, is no bar.
local function larger(chart, step)
  local out = new_chart(step)
  local from, to = chart.time[1], chart.time[chart.n] + chart.step
  local i = 1
  while i <= chart.n do
    local time = chart.time[i] - chart.time[i] % step
    local open, high, low, close, units = chart.open[i], chart.high[i], chart.low[i], nil, 0
    while i <= chart.n and chart.time[i] < time + step do
      high, low, close = math.max(high, chart.high[i]), math.min(low, chart.low[i]), chart.close[i]
      units = units + floor(chart.volume[i] * 1e8 + 0.5)
      i = i + 1
    end
    if time >= from and time + step <= to then append(out, time, open, high, low, close, units / 1e8) end
  end
  return out
end

-- "BTCUSDT/1h", a chart of a reference, or "1h" of the symbol itself: symbol (nil: itself) and interval.
local function parts_of(name)
  local symbol, interval = name:match "^(.*)/(.*)$"
  return symbol, interval or name
end

-- The smallest file of a symbol, and all intervals that it can be made into.
local function load(folder, symbol)
  for smallest, name in ipairs(ORDER) do
    for _, ending in ipairs {".csv", ".csv.gz"} do
      local path = ("%s/%s-%s%s"):format(folder, symbol, name, ending)
      local file = io.open(path)
      if file then
        file:close()
        local charts = {[name] = read_chart(path, STEP[name])}
        for k = smallest + 1, #ORDER do charts[ORDER[k]] = larger(charts[name], STEP[ORDER[k]]) end
        return charts
      end
    end
  end
  error("no klines of " .. symbol .. " in " .. folder)
end

--- First open time and end of what the folder has of a symbol.
function M.span(folder, symbol)
  local first, last = math.huge, 0
  for _, chart in pairs(load(folder, symbol)) do
    if chart.n > 0 then first, last = math.min(first, chart.time[1]), math.max(last, chart.time[chart.n] + chart.step) end
  end
  return first, last
end

-- Bars that open in [from, to), with indicators on demand.
local function cut(chart, from, to)
  local out = new_chart(chart.step)
  for i = 1, chart.n do
    if chart.time[i] >= from and chart.time[i] < to then
      append(out, chart.time[i], chart.open[i], chart.high[i], chart.low[i], chart.close[i], chart.volume[i])
    end
  end
  local known = {}
  function out.get(self, name, ...)
    local key = name
    for _, argument in ipairs {...} do key = key .. " " .. tostring(argument) end
    known[key] = known[key] or indicators[name](self, ...)
    return known[key]
  end
  return out
end

-- ---- one trader on one symbol ----

-- Nothing is remembered yet: as if it had matched up to now.
local function new_memory() return {was_matching = true} end

local function is_due(memory, trader, time, step, matches)
  local was = memory.was_matching
  memory.was_matching = matches
  if not matches then
    memory.run_time = nil
    return false
  end
  local began = not was
  if began or not memory.run_time then memory.run_time = time end
  local fires
  if not trader.fire then
    fires = began
  elseif trader.fire == "every" then
    fires = true
  else
    local bars = (time - memory.run_time) / step
    fires = began or (bars > 0 and bars % trader.fire == 0)
  end
  if fires and trader.cooldown and memory.signal_time and (time - memory.signal_time) / step <= trader.cooldown then fires = false end
  if fires then memory.signal_time = time end
  return fires
end

-- Points every chart at its last bar that has closed by `instant`. False: one that closes then has no such bar.
local function look(at, positions, instant)
  for name, chart in pairs(at) do
    local i = positions[name] or 0
    while i < chart.n and chart.time[i + 1] + chart.step <= instant do i = i + 1 end
    positions[name], chart.now = i, i
    if instant % chart.step == 0 and (i == 0 or chart.time[i] + chart.step ~= instant) then return false end
  end
  return true
end

local function has_depth(trader, at)
  for name, bars in pairs(trader.depth) do
    if at[name].now < bars then return false end
  end
  return true
end

local function evaluate(trader, at, start, on_signal)
  local own, step = at[trader.interval], STEP[trader.interval]
  local n_before = 0
  while n_before < own.n and own.time[n_before + 1] + step <= start do n_before = n_before + 1 end
  local memory, positions = new_memory(), {}
  for i = math.max(1, n_before - SILENT_BARS + 1), own.n do
    local time = own.time[i]
    if look(at, positions, time + step) and has_depth(trader, at) then
      if is_due(memory, trader, time, step, trader.matches(at)) and i > n_before then on_signal(time, own.close[i]) end
    end
  end
end

-- ---- all of it ----

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- At which bars a trader matches, warm or not known: {open time -> true or false}. `meaning`: of the trader.
function M.matches(folder, symbol, meaning)
  local at, found, positions = {}, {}, {}
  for name in pairs(meaning.depth) do
    local other, interval = parts_of(name)
    at[name] = cut(load(folder, other or symbol)[interval], 0, math.huge)
  end
  local own, step = at[meaning.interval], STEP[meaning.interval]
  for i = 1, own.n do
    if look(at, positions, own.time[i] + step) and has_depth(meaning, at) then found[own.time[i]] = meaning.matches(at) end
  end
  return found
end

--- The signals of a replay. `run`: folder, symbols (list), from, to (ms; to may be nil), traders (list of {key, path,
-- meaning}). Gives id -> {id, trader, symbol, time, price}, and their number.
function M.signals(run)
  local deepest = {}
  for _, t in ipairs(run.traders) do
    for name, bars in pairs(t.meaning.depth) do deepest[name] = math.max(deepest[name] or 0, bars) end
  end
  local found, count = {}, 0
  for _, symbol in ipairs(run.symbols) do
    local charts = load(run.folder, symbol)
    local cuts = {}
    for name, bars in pairs(deepest) do
      local other, interval = parts_of(name)
      local step = STEP[interval]
      local history = math.max(KLINE_HISTORY, bars + REBUILD_BARS)
      local chart = (other and load(run.folder, other) or charts)[interval]
      if chart then cuts[name] = cut(chart, run.from - run.from % step - history * step, run.to or math.huge) end
    end
    for _, t in ipairs(run.traders) do
      local at, is_complete = {}, not (t.meaning.excludes and t.meaning.excludes[symbol])
      for name in pairs(t.meaning.depth) do
        at[name] = cuts[name]
        is_complete = is_complete and cuts[name] ~= nil
      end
      local key = t.meaning.id or t.key
      local trader_id = hash.uuid5(NAMESPACE, "file:" .. key)
      local revision = hash.sha256(read_file(t.path) .. "\0{}")
      if is_complete then -- it looks at this symbol, and the file can be made into all that it uses
        evaluate(t.meaning, at, run.from, function(time, price)
          local name = ("local|spot|%s|%s|%s|%s|%.0f|close"):format(trader_id, revision, symbol, t.meaning.interval, time)
          local id = hash.uuid5(NAMESPACE, name)
          assert(not found[id], "an id twice: " .. name)
          found[id] = {id = id, trader = key, symbol = symbol, time = time, price = price}
          count = count + 1
        end)
      end
    end
  end
  return found, count
end

return M
