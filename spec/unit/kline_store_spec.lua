-- The kline series against a slow obvious model under random operations: a Lua table by open time.
local ffi = require "ffi"
local tm = require "spec.tm"
local C = tm.C

local FIELDS = {"open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_base", "taker_quote"}

local function bar_at(open_ms, seed)
  local bar = ffi.new("kline", {open_ms = open_ms})
  for i, name in ipairs(FIELDS) do bar[name] = seed + i / 16 end
  return bar
end

-- The model: closed bars by open time, the promise of "at least `keep`", what is known, holes.
local function new_model(interval, keep, known_to)
  return {interval = interval, keep = keep, known_to = known_to, bars = {}, order = {}, holes = 0, forming = nil}
end

local function model_close(m, open_ms, seed, oldest)
  if open_ms < m.known_to then
    local newest = m.order[#m.order]
    if newest and open_ms > newest then -- a hole behind all that is stored is filled
      m.bars[open_ms] = seed
      m.order[#m.order + 1] = open_ms
      m.holes, m.forming = m.holes - 1, nil
      return C.KLINE_APPENDED
    end
    if not m.bars[open_ms] or open_ms < oldest then return C.KLINE_OLDER end
    if m.bars[open_ms] == seed then return C.KLINE_SAME end
    m.bars[open_ms] = seed
    return C.KLINE_REPLACED
  end
  if open_ms > m.known_to then return C.KLINE_GAP end
  m.bars[open_ms] = seed
  m.order[#m.order + 1] = open_ms
  m.known_to = tonumber(C.interval_next(m.interval, open_ms))
  m.forming = nil
  return C.KLINE_APPENDED
end

-- What has slid out of the window is known to the model only through `dropped`.
local function check(series, m)
  local count = C.kline_series_count(series)
  local dropped = tonumber(C.kline_series_dropped(series))
  assert.equal(#m.order, count + dropped)
  assert.is_true(count >= math.min(m.keep, #m.order))
  assert.equal(m.known_to, tonumber(C.kline_series_known_to(series)))
  assert.equal(m.holes, tonumber(C.kline_series_holes(series)))
  local open_ms = C.kline_series_open_ms(series)
  for f, _ in ipairs(FIELDS) do
    local data = C.kline_series_field(series, f - 1)
    for i = 0, count - 1 do
      local at = m.order[dropped + i + 1]
      if tonumber(open_ms[i]) ~= at then error(("open time at %d"):format(i)) end
      if data[i] ~= m.bars[at] + f / 16 then error(("field %d at %d"):format(f, i)) end
    end
    if m.forming then
      assert.equal(m.forming + f / 16, data[count])
    else
      assert.is_true(data[count] ~= data[count])
    end
  end
  assert.equal(m.forming ~= nil, C.kline_series_has_forming(series))
  for i = 1, #m.order do m.bars[m.order[i]] = i > dropped and m.bars[m.order[i]] or nil end
end

local function storm(interval, keep, steps)
  local start = tonumber(C.interval_floor(interval, 1700000000000))
  local series, m = C.kline_series_new(interval, keep, start), new_model(interval, keep, start)
  for step = 1, steps do
    local kind, seed = math.random(100), math.random(1000)
    local open_ms
    if kind <= 60 then open_ms = m.known_to -- the next bar
    elseif kind <= 66 then open_ms = tonumber(C.interval_add(interval, m.known_to, -math.random(3))) -- one of the last
    elseif kind <= 75 then open_ms = tonumber(C.interval_add(interval, m.known_to, -math.random(keep * 2))) -- an older one
    elseif kind <= 82 then open_ms = tonumber(C.interval_add(interval, m.known_to, math.random(5))) -- one that skips
    elseif kind <= 92 then -- forming: now, late, or ahead
      open_ms = tonumber(C.interval_add(interval, m.known_to, math.random(3) - 2))
      local outcome = C.kline_series_update(series, bar_at(open_ms, seed))
      if open_ms == m.known_to then
        assert.equal(C.KLINE_FORMING, outcome)
        m.forming = seed
      else
        assert.equal(open_ms < m.known_to and C.KLINE_SAME or C.KLINE_GAP, outcome)
      end
      open_ms = nil
    elseif kind <= 97 then -- a range that the exchange lacks
      local n = math.random(4)
      local to = tonumber(C.interval_add(interval, m.known_to, n))
      C.kline_series_known(series, to)
      if #m.order > 0 then m.holes = m.holes + n end
      m.known_to, m.forming = to, nil
    else
      assert.equal(C.KLINE_BAD, C.kline_series_close(series, bar_at(m.known_to + 1, seed), nil))
    end
    if open_ms then
      local index = ffi.new("int32_t[1]", -7)
      local oldest = m.order[tonumber(C.kline_series_dropped(series)) + 1] or 0 -- what is left of the window
      local outcome = C.kline_series_close(series, bar_at(open_ms, seed), index)
      assert.equal(model_close(m, open_ms, seed, oldest), outcome)
      if outcome == C.KLINE_APPENDED or outcome == C.KLINE_REPLACED then
        assert.equal(open_ms, tonumber(C.kline_series_open_ms(series)[index[0]]))
      else
        assert.equal(-7, index[0])
      end
    end
    if step % 7 == 0 then check(series, m) end
  end
  -- How many bars had closed by an instant: counted the slow way.
  local dropped = tonumber(C.kline_series_dropped(series))
  for _ = 1, 50 do
    local ms = m.known_to + math.random(-keep * 2, 10) * tonumber(C.interval_ms(interval)) + math.random(0, 1) * 999
    local n = 0
    for i = dropped + 1, #m.order do
      if tonumber(C.interval_next(interval, m.order[i])) <= ms then n = n + 1 end
    end
    assert.equal(n, C.kline_series_count_at(series, ms))
  end
  C.kline_series_free(series)
end

describe("kline series", function()
  it("agrees with the model under random operations", function()
    math.randomseed(tm.seed "kline_store")
    for _, name in ipairs {"1s", "1m", "15m", "1h", "3d", "1w", "1M"} do
      local interval = C.interval_parse(name, #name)
      for _, keep in ipairs {1, 2, 10, 300} do storm(interval, keep, keep == 300 and 3000 or 800) end
    end
  end)

  it("keeps the forming bar out of the count and blanks it when it is gone", function()
    local s = C.kline_series_new(C.INTERVAL_1M, 10, 60000)
    assert.equal(C.KLINE_FORMING, C.kline_series_update(s, bar_at(60000, 5)))
    assert.equal(0, C.kline_series_count(s))
    assert.equal(5 + 4 / 16, C.kline_series_field(s, C.FIELD_CLOSE)[0])
    C.kline_series_known(s, 120000)
    assert.is_true(C.kline_series_field(s, C.FIELD_CLOSE)[0] ~= C.kline_series_field(s, C.FIELD_CLOSE)[0])
    C.kline_series_free(s)
  end)

  it("names no field outside the list", function()
    local s = C.kline_series_new(C.INTERVAL_1M, 10, 0)
    assert.is_true(C.kline_series_field(s, 9) == nil)
    assert.is_true(C.kline_series_field(s, -1) == nil)
    C.kline_series_free(s)
  end)
end)
