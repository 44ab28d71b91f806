--- Structure of the market, found by a look at many bars: crossings, divergences, swings, volume nodes.
local ffi = require "ffi"
local fail = require "fail"
local indicator = require "indicator"
local range = require "ta_range"
local series = require "series"
local suggest = require "suggest"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type
local C, entries, min = ffi.C, series.entries, math.min

local M = {}

-- The newest value of a series or number, and its entry.
local function newest(value, name)
  if type(value) == "number" then return value, nil end
  local entry = series.entry(value)
  if not entry then fail(("%s: found %s; expected a series or a number"):format(name, series.describe(value))) end
  return entry.series[0], entry
end

-- Both values on the last bar before the newest where both were defined; nil when there is none.
local function before(a, entry_a, b, entry_b)
  local n_a, n_b = entry_a and series.length(entry_a.slot) or math.huge, entry_b and series.length(entry_b.slot) or math.huge
  local n = math.min(n_a, n_b)
  for k = 1, n - 1 do
    local x, y = a, b
    if entry_a then x = entry_a.series[k] end
    if entry_b then y = entry_b.series[k] end
    if x == x and y == y then return x, y end
  end
end

local function check_pair(name, entry_a, entry_b)
  if not entry_a and not entry_b then fail(name .. ": expected at least one series, found two numbers") end
  if entry_a and entry_b and entry_a.place ~= entry_b.place then series.different(name, entry_a, entry_b) end
end

--- True at the bar where `a` has come to be above `b`: strictly above now, at or below on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local up = ta.crossover(ta.ema(m.close, 9), ta.ema(m.close, 21))
function M.crossover(a, b)
  local a0, entry_a = newest(a, "ta.crossover")
  local b0, entry_b = newest(b, "ta.crossover")
  check_pair("ta.crossover", entry_a, entry_b)
  if not (a0 > b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 <= b1
end

--- True at the bar where `a` has come to be below `b`: strictly below now, at or above on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local down = ta.crossunder(ta.rsi(m.close, 14), 70)
function M.crossunder(a, b)
  local a0, entry_a = newest(a, "ta.crossunder")
  local b0, entry_b = newest(b, "ta.crossunder")
  check_pair("ta.crossunder", entry_a, entry_b)
  if not (a0 < b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 >= b1
end

--- True at the bar where `a` has come to be above or below `b`: crossover or crossunder.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local turned = ta.cross(ta.macd(m.close, 12, 26, 9).macd, 0)
function M.cross(a, b)
  local a0, entry_a = newest(a, "ta.cross")
  local b0, entry_b = newest(b, "ta.cross")
  check_pair("ta.cross", entry_a, entry_b)
  if not (a0 > b0 or a0 < b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  if a1 == nil then return false end
  if a0 > b0 then return a1 <= b1 end
  return a1 >= b1
end

-- The entry of an argument that has to be a series.
local function entry_of(value, name, what)
  local entry = entries[value]
  if entry then return entry end
  local outputs = series.outputs(value)
  if outputs then
    fail(("%s: %s is %s; name one of its outputs: %s"):format(name, what, tostring(value), table.concat(outputs.fields, ", ")))
  end
  fail(("%s: %s is %s; expected a series such as m.close"):format(name, what, series.describe(value)))
end

local function check_number(name, what, value, least, most, is_whole)
  if type(value) == "number" and value >= least and value <= most and not (is_whole and value % 1 ~= 0) then return value end
  fail(("%s: %s is %s; expected a %s from %g to %g"):format(name, what,
    type(value) == "number" and ("%.14g"):format(value) or series.describe(value), is_whole and "whole number" or "number", least, most))
end

-- Whether each of the newest `length` changes has the sign.
local function keeps_moving(name, source, length, sign)
  local slot = entry_of(source, name, "source").slot
  check_number(name, "length", length, 1, 5000, true)
  local data, last = slot.data, slot.count - 1
  series.want(slot, length + 1)
  if not (last >= length) then return false end
  for k = last, last - length + 1, -1 do
    if not (sign * data[k] > sign * data[k - 1]) then return false end
  end
  return true
end

--- True when the source has risen on each of the last `length` bars (as Pine's ta.rising does: not merely above them).
-- @param source series @param length bars, 1..5000 @return boolean of the newest bar; false where NaN is met
-- @usage local up = ta.rising(ta.ema(m.close, 20), 3)
function M.rising(source, length) return keeps_moving("ta.rising", source, length, 1) end

--- True when the source has fallen on each of the last `length` bars (as Pine's ta.falling does: not merely below them).
-- @param source series @param length bars, 1..5000 @return boolean of the newest bar; false where NaN is met
-- @usage local down = ta.falling(m.close, 3)
function M.falling(source, length) return keeps_moving("ta.falling", source, length, -1) end

-- ---- looks at many bars ----

-- The options of a call, checked. `known`: list of {name, default, least, most, is_whole}; `values`: a table to put them in.
local function read_options(name, options, known, values)
  if options ~= nil and type(options) ~= "table" then
    fail(("%s: options is %s; expected a table such as {%s = %g}"):format(name, series.describe(options), known[1][1], known[1][2]))
  end
  for _, o in ipairs(known) do
    local value = options and options[o[1]]
    if value == nil then value = o[2] end
    values[o[1]] = check_number(name, o[1], value, o[3], o[4], o[5])
  end
  if options == nil then return values end
  for key in pairs(options) do
    if values[key] == nil then
      local names = {}
      for i, o in ipairs(known) do names[i] = o[1] end
      fail(("%s has no option %q%s"):format(name, tostring(key), suggest(tostring(key), names)))
    end
  end
  return values
end

-- A look-back is a window like any other: the trader waits until there are as many bars. What makes it wait is a series
-- that needs them.
local function wait_for(source, bars) range.highest(source, bars) end

local HVN = {
  {"bins", 30, 3, C.VOLUME_BINS_MAX, true}, {"lookback", 250, 1, 5000, true}, {"percentile", 70, 0, 100}, {"tolerance", 0.05, 0, 100},
  {"min_strength", 50, 0, 100},
}
local hvn_options = {}
local bins, places = ffi.new("volume_bin[?]", C.VOLUME_BINS_MAX), ffi.new("int32_t[?]", C.VOLUME_BINS_MAX)

function indicator.bound.hvn(market, options)
  local o = read_options("ta.hvn", options, HVN, hvn_options)
  local high, low = entries[market.get "high"].slot, entries[market.get "low"].slot
  local volume, bought = entries[market.get "volume"].slot, entries[market.get "taker_base"].slot
  local nodes = {}
  wait_for(market.get "high", o.lookback)
  local want, lookback = series.want, o.lookback
  want(high, lookback)
  want(low, lookback)
  want(volume, lookback)
  want(bought, lookback)
  if not C.structure_profile(high.data, low.data, volume.data, bought.data, high.count, o.lookback, bins, o.bins) then return nodes end
  local n = C.structure_nodes(bins, o.bins, o.percentile, o.tolerance, o.min_strength, places)
  for i = 1, n do
    local bin = bins[places[i - 1]]
    nodes[i] = {
      price = (bin.low + bin.high) / 2, low = bin.low, high = bin.high, volume = bin.volume, buy_volume = bin.buy_volume,
      sell_volume = bin.volume - bin.buy_volume, strength = bin.strength,
    }
  end
  return nodes
end

--- High volume nodes: prices at which much was traded. The prices of the newest `lookback` bars are cut into `bins` from the
-- lowest low to the highest high, and the volume of each bar is spread evenly over the bins that it spans. A bin is a node
-- when its volume is at or above the `percentile` of all bins, above both neighbours' x (1 + tolerance), and at least
-- `min_strength` percent of the largest bin's. Empty where all prices are the same, or nothing was traded. The trader waits
-- for `lookback` bars; computed at each call.
-- @param options {bins = 3..200 (30), lookback = bars, 1..5000 (250), percentile = 0..100 (70), tolerance = 0..100 (0.05),
-- min_strength = 0..100 (50)}
-- @return list of {price, volume, strength, low, high, buy_volume, sell_volume}, strongest first: price the bin's middle,
-- strength in percent of the largest bin
-- @usage local node = ta.hvn({bins = 30, lookback = 250})[1]; local near = node and m.low[0] < node.high and m.close[0] > node.price
function M.hvn(options) return indicator.bound.hvn(indicator.running("ta.hvn"), options) end

local DIVERGENCE = {{"lookback", 30, 3, C.DIVERGENCE_LOOKBACK_MAX, true}, {"separation", 5, 1, C.DIVERGENCE_LOOKBACK_MAX, true}}
local divergence_options = {}
local KINDS = {
  [C.DIVERGENCE_BULLISH] = "bullish", [C.DIVERGENCE_BEARISH] = "bearish", [C.DIVERGENCE_HIDDEN_BULLISH] = "hidden_bullish",
  [C.DIVERGENCE_HIDDEN_BEARISH] = "hidden_bearish",
}

--- Divergence of a price `a` and an oscillator `b` at two turns of the price within the newest `lookback` bars, at least
-- `separation` bars apart. A turn is a bar strictly below (above) both neighbours, so that the newest bar is none yet; b is
-- read at the same bars. Lows: "bullish" where a is lower and b higher than before, "hidden_bullish" where a is higher and b
-- lower. Highs: "bearish" where a is higher and b lower, "hidden_bearish" where a is lower and b higher. Of several the
-- first of "bullish", "bearish", "hidden_bullish", "hidden_bearish". A NaN is no turn. The trader waits for `lookback` bars.
-- @param a series @param b series of the same timeframe
-- @param options {lookback = bars, 3..500 (30), separation = bars, 1..500 (5)}
-- @return "bullish", "bearish", "hidden_bullish", "hidden_bearish" or nil
-- @usage local kind = ta.divergence(m.low, ta.rsi(m.close, 14), {lookback = 60})
function M.divergence(a, b, options)
  local entry_a, entry_b = entry_of(a, "ta.divergence", "a"), entry_of(b, "ta.divergence", "b")
  check_pair("ta.divergence", entry_a, entry_b)
  local o = read_options("ta.divergence", options, DIVERGENCE, divergence_options)
  local slot_a, slot_b = entry_a.slot, entry_b.slot
  wait_for(a, o.lookback)
  if series.length(slot_a) ~= series.length(slot_b) then return nil end -- one has been kept from an earlier call and reads as empty
  series.want(slot_a, o.lookback)
  series.want(slot_b, o.lookback)
  -- One may go further back than the other; both end at the newest bar.
  local count = min(slot_a.count, slot_b.count)
  return KINDS[C.structure_divergence(slot_a.data + (slot_a.count - count), slot_b.data + (slot_b.count - count), count, o.lookback, o.separation)]
end

local SWINGS = {{"left", 5, 1, 100, true}, {"right", 5, 1, 100, true}, {"n", 4, 1, 100, true}, {"lookback", 250, 3, 5000, true}}
local swings_options = {}

local function swings_of(slot, o, is_high)
  local list, data, last = {}, slot.data, slot.count - 1
  series.want(slot, o.lookback)
  local n = C.structure_swings(data, slot.count, o.lookback, o.left, o.right, is_high, o.n, places)
  for i = 1, n do
    local ago = places[i - 1]
    list[i] = {price = data[last - ago], bars_ago = ago}
  end
  return list
end

function indicator.bound.swings(market, options)
  local o = read_options("ta.swings", options, SWINGS, swings_options)
  if o.lookback < o.left + o.right + 1 then
    fail(("ta.swings: lookback is %d; expected at least left + right + 1, which is %d"):format(o.lookback, o.left + o.right + 1))
  end
  local high, low = market.get "high", market.get "low"
  wait_for(high, o.lookback)
  return {highs = swings_of(entries[high].slot, o, true), lows = swings_of(entries[low].slot, o, false)}
end

--- Swing highs of m.high and swing lows of m.low: bars strictly above (below) the `left` bars before them and not below
-- (above) the `right` bars after them, so that of equal bars in a row the oldest is the swing. The newest `right` bars are
-- none yet: nothing is known of what comes after them. All within the newest `lookback` bars, for which the trader waits;
-- computed at each call.
-- @param options {left = bars, 1..100 (5), right = bars, 1..100 (5), n = at most so many of each, 1..100 (4),
-- lookback = bars, up to 5000 (250)}
-- @return {highs = list of {price, bars_ago}, lows = the same}, newest first
-- @usage local top = ta.swings({left = 5, right = 5, n = 1}).highs[1]; local broken = top and m.close[0] > top.price
function M.swings(options) return indicator.bound.swings(indicator.running("ta.swings"), options) end

return M
