--- Helpers of volume, of the prices where it was traded, and of averages that it weights.
local call = require "helpers_call"
local fail = require "fail"
local suggest = require "suggest"
local ta = require "ta"

local ipairs, pairs, type, abs = ipairs, pairs, type, math.abs

local M = {}

--- Positive volume index: where the volume is above that of the bar before, it goes with the close; else it stays.
-- Begins with `initialValue` at the oldest bar known: `ta.pvi()` from another start.
-- @param klines market: m or m["1h"] @param initialValue number that it begins with (1000) @return series
-- @usage local pvi = helpers.calculatePVISeries(m, 1000)
function M.calculatePVISeries(klines, initialValue)
  local k = call.market_of("calculatePVISeries", klines)
  return k.ta.pvi() * call.number_of("calculatePVISeries", "initialValue", initialValue, 1000)
end

--- The newest value of helpers.calculatePVISeries.
-- @param klines market: m or m["1h"] @param initialValue number that it begins with (1000) @return number, or nil without a bar
-- @usage local index = helpers.getLatestPVI(m)
function M.getLatestPVI(klines, initialValue)
  return call.newest("getLatestPVI", M.calculatePVISeries(call.market_of("getLatestPVI", klines), initialValue), 1)
end

local HVN_OPTIONS = {bins = "bins", threshold = "percentile", lookback = "lookback", minStrength = "min_strength", peakTolerance = "tolerance"}
local HVN_NAMES = {"bins", "threshold", "lookback", "minStrength", "peakTolerance", "cacheKey"}

--- Prices at which much was traded: the peaks of the volume of the last `lookback` bars, spread over `bins` equal parts of their
-- range; strongest first: `ta.hvn` under other names. The original dropped part of the volume of the bar with the highest price.
-- @param klines market: m or m["1h"] @param options {bins = 30, threshold = 70 (percentile), lookback = 250, minStrength = 50,
-- peakTolerance = 0.05}; a cacheKey is ignored: nothing is kept between calls
-- @return list of {price, volume, buyVolume, sellVolume, strength (0..100), priceRange = {low, high}}, empty where nothing was traded or all at one price
-- @usage local nodes = helpers.calculateHighVolumeNodes(m, {lookback = 250})
function M.calculateHighVolumeNodes(klines, options)
  local name = "calculateHighVolumeNodes"
  local k = call.market_of(name, klines)
  if options ~= nil and type(options) ~= "table" then call.wrong(name, "options", options, "a table such as {bins = 30}") end
  local ours = {}
  for key, value in pairs(options or {}) do
    if HVN_OPTIONS[key] then
      ours[HVN_OPTIONS[key]] = value
    elseif key ~= "cacheKey" then
      fail(("helpers.%s has no option %q%s"):format(name, tostring(key), suggest(tostring(key), HVN_NAMES)))
    end
  end
  local nodes = {}
  for i, node in ipairs(k.ta.hvn(ours)) do
    nodes[i] = {
      price = node.price, volume = node.volume, buyVolume = node.buy_volume, sellVolume = node.sell_volume, strength = node.strength,
      priceRange = {node.low, node.high},
    }
  end
  return nodes
end

local function nodes_of(name, nodes)
  if type(nodes) ~= "table" then call.wrong(name, "nodes", nodes, "a list of helpers.calculateHighVolumeNodes") end
  for i, node in ipairs(nodes) do
    if type(node) ~= "table" or type(node.price) ~= "number" then call.wrong(name, ("item %d of nodes"):format(i), node, "a table with a price") end
  end
  return nodes
end

--- Whether a price is at one of the nodes, or near.
-- @param price number @param nodes list of nodes, by helpers.calculateHighVolumeNodes @param tolerance percent of the price (0.5)
-- @return boolean: |price - node| <= price x tolerance / 100 for one of them
-- @usage local near = helpers.isNearHVN(m.close[0], helpers.calculateHighVolumeNodes(m), 0.5)
function M.isNearHVN(price, nodes, tolerance)
  local name = "isNearHVN"
  local most = call.number_of(name, "price", price) * call.number_of(name, "tolerance", tolerance, 0.5) / 100
  for _, node in ipairs(nodes_of(name, nodes)) do
    if abs(price - node.price) <= most then return true end
  end
  return false
end

--- The node that is closest to a price.
-- @param price number @param nodes list of nodes, by helpers.calculateHighVolumeNodes
-- @param direction text "above" (at the price or above it), "below" (at it or below) or "both" ("both") @return table: the node; nil when there is none
-- @usage local support = helpers.getClosestHVN(m.close[0], helpers.calculateHighVolumeNodes(m), "below")
function M.getClosestHVN(price, nodes, direction)
  local name = "getClosestHVN"
  call.number_of(name, "price", price)
  direction = direction or "both"
  if direction ~= "above" and direction ~= "below" and direction ~= "both" then
    call.wrong(name, "direction", direction, '"above", "below" or "both"')
  end
  local closest
  for _, node in ipairs(nodes_of(name, nodes)) do
    local fits = direction == "both" or direction == "above" and node.price >= price or direction == "below" and node.price <= price
    if fits and not (closest and abs(closest.price - price) <= abs(node.price - price)) then closest = node end
  end
  return closest or call.none(name, "no node there")
end

--- How many nodes lie between two prices, both included.
-- @param low number, a price @param high number, a price @param nodes list of nodes, by helpers.calculateHighVolumeNodes @return whole number
-- @usage local n = helpers.countHVNInRange(m.low[0], m.high[0], helpers.calculateHighVolumeNodes(m))
function M.countHVNInRange(low, high, nodes)
  local name, n = "countHVNInRange", 0
  call.number_of(name, "low", low)
  call.number_of(name, "high", high)
  for _, node in ipairs(nodes_of(name, nodes)) do
    if node.price >= low and node.price <= high then n = n + 1 end
  end
  return n
end

--- Does nothing. The original kept nodes for 60 seconds by key; here none are kept, so none can be stale.
-- @param key text; may be left out @return nothing
-- @usage helpers.clearHVNCache()
function M.clearHVNCache() end

-- Why there is no average since the day began, or of some bars.
local NO_DAY = "not enough bars: the first day that is whole has not begun, or nothing was traded since it has"
local NO_VOLUME = "nothing was traded in its bars"

-- The series, bars that it needs, and why it may lack a value in spite of them.
local function anchored(name, klines, anchor)
  local k = call.market_of(name, klines)
  if anchor == nil then return ta.vwap(k.hlc3), 1, NO_DAY end
  return k.ta.rvwap(call.bars_of(name, "anchor", anchor)), anchor, NO_VOLUME
end

--- Newest volume-weighted average of (high + low + close) / 3 since the day began (UTC): `ta.vwap(m.hlc3)[0]`.
-- The original had no day: it summed over all bars that it was given, and gave 0 without volume; here that is nil.
-- @param klines market: m or m["1h"] @return number, a price; nil before the first start of a day, or volume, that is known
-- @usage local above = m.close[0] > helpers.calculateVWAP(m)
function M.calculateVWAP(klines)
  return call.newest("calculateVWAP", anchored("calculateVWAP", klines))
end

--- Volume-weighted average price bar by bar: since the day began (UTC), `ta.vwap(m.hlc3)`, or of the last `anchor` bars,
-- `ta.rvwap(anchor)`. The original without an anchor summed over all bars that it was given; with one all its bars began at the same
-- place, `anchor` bars before the newest, so the newest value is the same here and an older one has a window of its own.
-- @param klines market: m or m["1h"] @param anchor bars, 1..5000; left out: the day @return series, a price
-- @usage local vwap = helpers.calculateVWAPSeries(m)
function M.calculateVWAPSeries(klines, anchor)
  return (anchored("calculateVWAPSeries", klines, anchor))
end

--- The newest value of helpers.calculateVWAPSeries.
-- @param klines market: m or m["1h"] @param anchor bars, 1..5000; left out: the day @return number, a price; nil while there is none
-- @usage local above = m.close[0] > helpers.getLatestVWAP(m)
function M.getLatestVWAP(klines, anchor)
  return call.newest("getLatestVWAP", anchored("getLatestVWAP", klines, anchor))
end

-- The volume-weighted deviation of hlc3 from the rolling VWAP. Squares of a price leave a residue: below 1e-7 of it there is none.
local function rolling_deviation(k, vwap, length)
  local weighted, square = k.volume * k.hlc3, vwap * vwap
  local variance = ta.sma(weighted * k.hlc3, length) / ta.sma(k.volume, length) - square
  return ta.sqrt(variance * variance:gt(square * 1e-14))
end

-- Likewise.
local function vwap_bands(name, klines, anchor, multiplier)
  local vwap, need, why = anchored(name, klines, anchor)
  multiplier = call.number_of(name, "stdDevMultiplier", multiplier, 1)
  if anchor == nil then
    local bands = ta.vwap_bands(klines.hlc3, multiplier)
    return {vwap = bands.vwap, upperBand = bands.upper, lowerBand = bands.lower}, need, why
  end
  local width = rolling_deviation(klines, vwap, anchor) * multiplier
  return {vwap = vwap, upperBand = vwap + width, lowerBand = vwap - width}, need, why
end

--- Bands around helpers.calculateVWAPSeries, `stdDevMultiplier` volume-weighted standard deviations away: `ta.vwap_bands`, or
-- with an anchor those of the last `anchor` bars (a deviation below 1e-7 of the price counts as none). The original took the deviation
-- of all bars from the newest VWAP, a bar with much volume like one with none.
-- @param klines market: m or m["1h"] @param anchor bars, 1..5000; left out: the day @param stdDevMultiplier deviations (1)
-- @return {vwap, upperBand, lowerBand}, series, prices
-- @usage local high = m.close[0] > helpers.calculateVWAPBands(m, nil, 2).upperBand[0]
function M.calculateVWAPBands(klines, anchor, stdDevMultiplier)
  return (vwap_bands("calculateVWAPBands", klines, anchor, stdDevMultiplier))
end

--- The newest values of helpers.calculateVWAPBands.
-- @param klines market: m or m["1h"] @param anchor bars, 1..5000; left out: the day @param stdDevMultiplier deviations (1)
-- @return {vwap, upperBand, lowerBand}, prices, all nil while there are none
-- @usage local high = m.close[0] > helpers.getLatestVWAPBands(m, nil, 2).upperBand
function M.getLatestVWAPBands(klines, anchor, stdDevMultiplier)
  local bands, need, why = vwap_bands("getLatestVWAPBands", klines, anchor, stdDevMultiplier)
  local upper = call.newest("getLatestVWAPBands", bands.upperBand, need, why)
  if not upper then return {} end
  return {vwap = bands.vwap[0], upperBand = upper, lowerBand = bands.lowerBand[0]}
end

return M
