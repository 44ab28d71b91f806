--- What specs of indicators share: values of the C library, the reference data, and how two values are compared.
local cjson = require "cjson"
local ffi = require "ffi"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0

local M = {}

--- Values of an indicator by its canonical text over n bars: double[n], from 0.
function M.values(text, interval, bars, n)
  local out = ffi.new("double[?]", n)
  local code = C.indicator_values(text, interval, bars, n, out)
  if code ~= 0 then error(("%s: indicator_values gives %d"):format(text, code), 2) end
  return out
end

--- Rows of a CSV (gz or not): list of {column name -> number}.
function M.read_csv(path)
  local pipe = io.popen((path:find "%.gz$" and "gzip -dc '" or "cat '") .. path .. "'")
  local names, rows = {}, {}
  local rest = pipe:read "*l" .. "," -- names may be quoted and hold commas
  while rest ~= "" do
    local name, tail = rest:match '^"([^"]*)",(.*)$'
    if not name then name, tail = rest:match "^([^,]*),(.*)$" end
    names[#names + 1], rest = name, tail
  end
  for line in pipe:lines() do
    local row, i = {}, 1
    for cell in (line .. ","):gmatch "([^,]*)," do
      row[names[i]] = tonumber(cell)
      i = i + 1
    end
    rows[#rows + 1] = row
  end
  pipe:close()
  return rows
end

--- kline[n] of such rows. `times`: row -> open time (default: its column open_time).
function M.to_bars(rows, times)
  local bars = ffi.new("kline[?]", #rows)
  for i, r in ipairs(rows) do
    local b = bars[i - 1]
    b.open_ms = times and times(r) or r.open_time
    b.open, b.high, b.low, b.close, b.volume = r.open, r.high, r.low, r.close, r.volume or r.Volume or 0
  end
  return bars
end

--- Equal within `relative` (or 1e-9 near zero); NaN equals NaN.
function M.is_close(a, b, relative)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return math.abs(a - b) <= math.max(1e-9, relative * math.max(math.abs(a), math.abs(b)))
end

-- Roundings of a recursive average, of its own size: what a difference of two may be off, however small it is.
local ROUNDINGS = 32 * 2 ^ -53

--- Raises unless got[i] is close to expected(i) at each bar from `from` (0) on. `size(i)`: of what is subtracted, for a
-- difference: below a size of 280,000 it changes nothing.
function M.compare(what, got, expected, n, from, size)
  for i = from or 0, n - 1 do
    local e = expected(i)
    local is_close = M.is_close(got[i], e, 1e-9) or size and math.abs(got[i] - e) <= ROUNDINGS * size(i)
    if not is_close then error(("%s at bar %d: %.17g, reference %.17g"):format(what, i, got[i], e), 2) end
  end
end

--- Interval of each reference series.
M.INTERVAL_OF = {["btcusdt-1h"] = "1h", walk = "5m", flat = "5m"}

--- indicator -> parameters -> output -> list, of a peer: "talib", "tulip" or "pynecore".
function M.peer(series, peer)
  local path = tm.data_file(("reference/%s.%s.json.gz"):format(series, peer))
  local pipe = io.popen("gzip -dc '" .. path .. "'")
  local text = pipe:read "*a"
  pipe:close()
  return cjson.decode(text).indicators
end

--- Such a list as a function of the bar.
function M.reference_of(list)
  return function(i)
    local v = list[i + 1]
    return tonumber(v) or NaN -- null in the warm-up, "NaN" where the peer has none
  end
end


--- The bars of a reference series, their number, and the number of its interval; nil without the data.
function M.series(name)
  local path = tm.data_file("reference/series/" .. name .. ".csv.gz")
  if not path then return nil end
  local rows, interval = M.read_csv(path), M.INTERVAL_OF[name]
  return M.to_bars(rows), #rows, C.interval_parse(interval, #interval)
end

--- Random bars with jumps, still stretches and bars without volume. Seeded by the caller: math.randomseed.
function M.random_bars(n, interval)
  local bars, price = ffi.new("kline[?]", n), 100
  for i = 0, n - 1 do
    local b = bars[i]
    b.open_ms = C.interval_add(interval, 1700006400000, i)
    b.open = price
    -- Stretches without movement and jumps are where kernels go wrong.
    local calm = math.floor(i / 50) % 4 == 3
    price = calm and price or math.max(0.01, price * (1 + (math.random() - 0.5) * (math.random(40) == 1 and 0.4 or 0.02)))
    b.close = price
    b.high = math.max(b.open, b.close) * (calm and 1 or 1 + math.random() * 0.01)
    b.low = math.min(b.open, b.close) * (calm and 1 or 1 - math.random() * 0.01)
    b.volume = math.random(10) == 1 and 0 or math.random() * 1000
  end
  return bars
end

--- f(bar) of each bar, from 0.
function M.column(bars, n, f)
  local x = {}
  for i = 0, n - 1 do x[i] = f(bars[i]) end
  return x
end

-- ---- naive computations that several indicators are made of ----

--- Whether the `length` values of a list up to bar i are all numbers.
function M.is_whole(x, i, length)
  if i - length + 1 < 0 then return false end
  for k = i - length + 1, i do if x[k] - x[k] ~= 0 then return false end end
  return true
end

--- f(k) of the `length` bars up to i, added up.
function M.sum(i, length, f)
  local s = 0
  for k = i - length + 1, i do s = s + f(k) end
  return s
end

--- Seeded with the mean of the first `length` values that are no NaN, then alpha of the way to each. A NaN gives NaN and is
-- passed over. A table, so that averages of averages can be made.
function M.smoothed(x, n, length, alpha)
  local out, count, value = {}, 0, 0
  for i = 0, n - 1 do
    out[i] = NaN
    if x[i] == x[i] then
      count = count + 1
      value = value + (count <= length and x[i] / length or alpha * (x[i] - value))
      if count >= length then out[i] = value end
    end
  end
  return out
end

--- True range of bar i. @param handle_na whether high - low counts where there is no close before
function M.true_range(bars, i, handle_na)
  local b, before = bars[i], i > 0 and bars[i - 1].close or NaN
  if b.high ~= b.high or b.low ~= b.low then return NaN end
  if before ~= before then return handle_na and b.high - b.low or NaN end
  return math.max(b.high - b.low, math.abs(b.high - before), math.abs(b.low - before))
end

return M
