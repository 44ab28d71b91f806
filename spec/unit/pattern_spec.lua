-- Candlestick patterns against TA-Lib's own answers, and against their definitions on bars that are drawn so that each occurs.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values = reference.values

-- ours -> {TA-Lib's, bars in front of the first value, the values that it can have}
local PATTERNS = {
  ["cdl_doji()"] = {"CDLDOJI", 10, {0, 100}},
  ["cdl_hammer()"] = {"CDLHAMMER", 11, {0, 100}},
  ["cdl_hanging_man()"] = {"CDLHANGINGMAN", 11, {0, -100}},
  ["cdl_inverted_hammer()"] = {"CDLINVERTEDHAMMER", 11, {0, 100}},
  ["cdl_shooting_star()"] = {"CDLSHOOTINGSTAR", 11, {0, -100}},
  ["cdl_engulfing()"] = {"CDLENGULFING", 2, {0, 100, 80, -80, -100}},
  ["cdl_harami()"] = {"CDLHARAMI", 11, {0, 100, 80, -80, -100}},
  ["cdl_morning_star(0.3)"] = {"CDLMORNINGSTAR", 12, {0, 100}},
  ["cdl_evening_star(0.3)"] = {"CDLEVENINGSTAR", 12, {0, -100}},
  ["cdl_three_white_soldiers()"] = {"CDL3WHITESOLDIERS", 12, {0, 100}},
  ["cdl_three_black_crows()"] = {"CDL3BLACKCROWS", 13, {0, -100}},
  ["cdl_piercing()"] = {"CDLPIERCING", 11, {0, 100}},
  ["cdl_dark_cloud_cover(0.5)"] = {"CDLDARKCLOUDCOVER", 11, {0, -100}},
  ["cdl_marubozu()"] = {"CDLMARUBOZU", 10, {0, 100, -100}},
  ["cdl_spinning_top()"] = {"CDLSPINNINGTOP", 10, {0, 100, -100}},
  ["cdl_inside_bar()"] = {nil, 1, {0, 100, -100}},
}

-- Where TA-Lib's running sum of high - low has kept less than nothing of the bars before a plateau, its answer for a bar
-- without any body is "no doji"; the mean of no range at all is 0, and a body of 0 is not above it.
local OURS_DIFFERS = {walk = {CDLDOJI = {from = 310, to = 339, ours = 100, theirs = 0}}}

describe("candlestick patterns against TA-Lib", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for series in pairs(reference.INTERVAL_OF) do
    it("agree bar for bar on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peer, n_compared = reference.peer(series, "talib"), 0
      for ours, p in pairs(PATTERNS) do
        if p[1] then
          local got, theirs = values(ours, interval, bars, n), reference.reference_of(peer[p[1]].default.value)
          local differs = OURS_DIFFERS[series] and OURS_DIFFERS[series][p[1]]
          for i = 0, n - 1 do
            local expected = theirs(i)
            if differs and i >= differs.from and i <= differs.to then
              assert.are.equal(differs.theirs, expected, "TA-Lib has changed its mind")
              expected = differs.ours
            end
            if got[i] ~= expected and (got[i] == got[i] or expected == expected) then
              error(("%s at bar %d of %s: %g, TA-Lib %g"):format(ours, i, series, got[i], expected))
            end
          end
          n_compared = n_compared + 1
        end
      end
      assert.are.equal(15, n_compared)
    end)
  end
end)

-- ---- the definitions, bar by bar ----

-- b[i] = {o, h, l, c}, from 0.
local naive = {}

local function body(b) return math.abs(b.c - b.o) end
local function range(b) return b.h - b.l end
local function top(b) return math.max(b.o, b.c) end
local function bottom(b) return math.min(b.o, b.c) end
local function upper(b) return b.h - top(b) end
local function lower(b) return bottom(b) - b.l end
local function color(b) return b.c >= b.o and 1 or -1 end

-- Mean of f over the n bars before bar i.
local function mean(f, b, i, n)
  local sum = 0
  for k = i - n, i - 1 do sum = sum + f(b[k]) end
  return sum / n
end

local function long(b, i) return body(b[i]) > mean(body, b, i, 10) end
local function short(b, i) return body(b[i]) < mean(body, b, i, 10) end
local function very_short(shadow, b, i) return shadow(b[i]) < 0.1 * mean(range, b, i, 10) end
local function near(b, i) return 0.2 * mean(range, b, i, 5) end
local function far(b, i) return 0.6 * mean(range, b, i, 5) end

local function hammer_shape(b, i) return short(b, i) and lower(b[i]) > body(b[i]) and very_short(upper, b, i) end
local function inverted_shape(b, i) return short(b, i) and upper(b[i]) > body(b[i]) and very_short(lower, b, i) end

naive["cdl_doji()"] = function(b, i) return body(b[i]) <= 0.1 * mean(range, b, i, 10) and 100 or 0 end
naive["cdl_hammer()"] = function(b, i) return hammer_shape(b, i) and bottom(b[i]) <= b[i - 1].l + near(b, i - 1) and 100 or 0 end
naive["cdl_hanging_man()"] = function(b, i) return hammer_shape(b, i) and bottom(b[i]) >= b[i - 1].h - near(b, i - 1) and -100 or 0 end
naive["cdl_inverted_hammer()"] = function(b, i) return inverted_shape(b, i) and top(b[i]) < bottom(b[i - 1]) and 100 or 0 end
naive["cdl_shooting_star()"] = function(b, i) return inverted_shape(b, i) and bottom(b[i]) > top(b[i - 1]) and -100 or 0 end

naive["cdl_engulfing()"] = function(b, i)
  local x, y = b[i - 1], b[i]
  if color(x) == color(y) then return 0 end
  if top(y) > top(x) and bottom(y) < bottom(x) then return 100 * color(y) end
  if top(y) > top(x) and bottom(y) == bottom(x) or top(y) == top(x) and bottom(y) < bottom(x) then return 80 * color(y) end
  return 0
end

naive["cdl_harami()"] = function(b, i)
  local x, y = b[i - 1], b[i]
  if not long(b, i - 1) or long(b, i) then return 0 end
  if top(y) < top(x) and bottom(y) > bottom(x) then return -100 * color(x) end
  if top(y) <= top(x) and bottom(y) >= bottom(x) then return -80 * color(x) end
  return 0
end

naive["cdl_morning_star(0.3)"] = function(b, i)
  local x, y, z = b[i - 2], b[i - 1], b[i]
  return long(b, i - 2) and color(x) == -1 and not long(b, i - 1) and top(y) < bottom(x) and long(b, i) and color(z) == 1
    and z.c > x.c + 0.3 * body(x) and 100 or 0
end

naive["cdl_evening_star(0.3)"] = function(b, i)
  local x, y, z = b[i - 2], b[i - 1], b[i]
  return long(b, i - 2) and color(x) == 1 and not long(b, i - 1) and bottom(y) > top(x) and long(b, i) and color(z) == -1
    and z.c < x.c - 0.3 * body(x) and -100 or 0
end

naive["cdl_three_white_soldiers()"] = function(b, i)
  for k = i - 2, i do if color(b[k]) ~= 1 or not very_short(upper, b, k) then return 0 end end
  for k = i - 1, i do
    if not (b[k].c > b[k - 1].c and b[k].o > b[k - 1].o and b[k].o <= b[k - 1].c + near(b, k - 1)) then return 0 end
    if not (body(b[k]) > body(b[k - 1]) - far(b, k - 1)) then return 0 end
  end
  return long(b, i) and 100 or 0
end

naive["cdl_three_black_crows()"] = function(b, i)
  if color(b[i - 3]) ~= 1 or not (b[i - 3].h > b[i - 2].c) then return 0 end
  for k = i - 2, i do if color(b[k]) ~= -1 or not very_short(lower, b, k) then return 0 end end
  for k = i - 1, i do
    if not (b[k].o < b[k - 1].o and b[k].o > b[k - 1].c and b[k].c < b[k - 1].c) then return 0 end
  end
  return -100
end

naive["cdl_piercing()"] = function(b, i)
  local x, y = b[i - 1], b[i]
  return color(x) == -1 and long(b, i - 1) and color(y) == 1 and long(b, i) and y.o < x.l and y.c < x.o and y.c > x.c + 0.5 * body(x) and 100 or 0
end

naive["cdl_dark_cloud_cover(0.5)"] = function(b, i)
  local x, y = b[i - 1], b[i]
  return color(x) == 1 and long(b, i - 1) and color(y) == -1 and y.o > x.h and y.c > x.o and y.c < x.c - 0.5 * body(x) and -100 or 0
end

naive["cdl_marubozu()"] = function(b, i)
  return long(b, i) and very_short(upper, b, i) and very_short(lower, b, i) and 100 * color(b[i]) or 0
end

naive["cdl_spinning_top()"] = function(b, i)
  return short(b, i) and upper(b[i]) > body(b[i]) and lower(b[i]) > body(b[i]) and 100 * color(b[i]) or 0
end

naive["cdl_inside_bar()"] = function(b, i) return b[i].h < b[i - 1].h and b[i].l > b[i - 1].l and 100 * color(b[i]) or 0 end

-- Body, upper shadow, lower shadow in ticks, each a range.
local DOJI, INVERTED, HAMMER = {{0, 1}, {2, 30}, {2, 30}}, {{1, 6}, {8, 40}, {0, 1}}, {{1, 6}, {0, 1}, {8, 40}}
local LONG, SOLDIER, SMALL = {{30, 60}, {0, 1}, {0, 1}}, {{25, 50}, {0, 2}, {0, 2}}, {{2, 12}, {0, 12}, {0, 12}}
local SHAPES = {DOJI, INVERTED, HAMMER, LONG, SOLDIER, SMALL, {{2, 6}, {7, 15}, {7, 15}}, {{12, 30}, {0, 20}, {0, 20}}}

-- Where a bar opens, by the bar before.
local OPENS = {
  close = function(_, _, _, c) return c end,
  inside = function(o, _, _, c) return math.random(math.min(o, c) + 1, math.max(o, c, math.min(o, c) + 2) - 1) end,
  near = function(_, _, _, c) return c + math.random(-8, 8) end,
  above = function(_, h) return h + math.random(20) end,
  below = function(_, _, l) return l - math.random(20) end,
}

-- Three bars or two that make a pattern when what was before them happens to fit: {shape, up or down, where it opens}.
local SCENES = {
  {{SOLDIER, -1, "near"}, {SOLDIER, 1, "near"}, {SOLDIER, 1, "inside"}, {SOLDIER, 1, "inside"}},
  {{SOLDIER, 1, "near"}, {SOLDIER, -1, "near"}, {SOLDIER, -1, "inside"}, {SOLDIER, -1, "inside"}},
  {{LONG, -1, "near"}, {SMALL, 1, "below"}, {LONG, 1, "near"}}, {{LONG, 1, "near"}, {SMALL, -1, "above"}, {LONG, -1, "near"}},
  {{LONG, -1, "near"}, {LONG, 1, "below"}}, {{LONG, 1, "near"}, {LONG, -1, "above"}},
  {{LONG, 1, "near"}, {SMALL, -1, "close"}}, {{LONG, -1, "near"}, {SMALL, 1, "close"}},
  {{LONG, 1, "near"}, {SMALL, -1, "inside"}}, {{LONG, -1, "near"}, {SMALL, 1, "inside"}},
}

local ANY = {"close", "close", "near", "inside", "above", "below"}

local function any_bar() return {SHAPES[math.random(#SHAPES)], math.random(2) * 2 - 3, ANY[math.random(#ANY)]} end

local function drawn(r) return math.random(r[1], r[2]) end

-- Bars of whole ticks around 4000: any bar, or a scene, or the body before turned round; and stretches that stand still.
local function patterned_bars(n, interval, tick)
  local bars, scene = ffi.new("kline[?]", n), {}
  local open, high, low, close = 4000, 4000, 4000, 4000
  for i = 0, n - 1 do
    if #scene == 0 then
      for k, bar in ipairs(math.random(4) == 1 and SCENES[math.random(#SCENES)] or {any_bar()}) do scene[k] = bar end
    end
    local bar, open_before = table.remove(scene, 1), open
    open = OPENS[bar[3]](open, high, low, close)
    if math.random(20) == 1 then
      close = open_before
    else -- back to the middle, where it goes too far
      close = open + (math.abs(open - 4000) > 800 and (open > 4000 and -1 or 1) or bar[2]) * drawn(bar[1][1])
    end
    high = math.max(open, close) + drawn(bar[1][2])
    low = math.min(open, close) - drawn(bar[1][3])
    if i % 400 >= 380 then open, high, low, close = close, close, close, close end
    bars[i].open_ms = C.interval_add(interval, 1700006400000, i)
    bars[i].open, bars[i].high, bars[i].low, bars[i].close, bars[i].volume = open * tick, high * tick, low * tick, close * tick, 1
  end
  return bars
end

local function to_table(bars, n)
  local b = {}
  for i = 0, n - 1 do b[i] = {o = bars[i].open, h = bars[i].high, l = bars[i].low, c = bars[i].close} end
  return b
end

local INTERVAL = C.INTERVAL_5M

describe("candlestick patterns against their definitions", function()
  it("agree, and each of their values occurs", function()
    math.randomseed(tm.seed "pattern")
    local seen = {}
    for round = 1, 8 do
      -- On a grid of quarters ties are ties to the last bit; cents are rounded, as the prices of an exchange.
      local n = 1500
      local bars = patterned_bars(n, INTERVAL, round % 2 == 0 and 0.25 or 0.01)
      local b = to_table(bars, n)
      for ours, p in pairs(PATTERNS) do
        local got = values(ours, INTERVAL, bars, n)
        seen[ours] = seen[ours] or {}
        for i = 0, n - 1 do
          local expected = i < p[2] and NaN or naive[ours](b, i)
          if got[i] ~= expected and (got[i] == got[i] or expected == expected) then
            error(("%s at bar %d: %g, by definition %g"):format(ours, i, got[i], expected))
          end
          if expected == expected then seen[ours][expected] = (seen[ours][expected] or 0) + 1 end
        end
      end
    end
    for ours, p in pairs(PATTERNS) do
      for _, value in ipairs(p[3]) do
        assert.is_true((seen[ours][value] or 0) >= 20, ("%s is %d on %d bars only"):format(ours, value, seen[ours][value] or 0))
      end
    end
  end)

  it("take another penetration", function()
    math.randomseed(tm.seed "pattern")
    local n = 6000
    local bars = patterned_bars(n, INTERVAL, 0.25)
    for name in pairs {cdl_morning_star = 1, cdl_evening_star = 1, cdl_dark_cloud_cover = 1} do
      local found = {}
      for _, penetration in ipairs {0.1, 0.9} do
        local got = values(("%s(%g)"):format(name, penetration), INTERVAL, bars, n)
        found[penetration] = 0
        for i = 20, n - 1 do found[penetration] = found[penetration] + math.abs(got[i]) / 100 end
      end
      assert.is_true(found[0.9] < found[0.1], name)
    end
    for _, text in ipairs {"cdl_morning_star(-0.1)", "cdl_morning_star(nan)", "cdl_evening_star(11)", "cdl_doji(1)"} do
      assert.are.equal(-1, C.indicator_values(text, INTERVAL, bars, 10, ffi.new "double[10]"), text)
    end
  end)

  it("do not depend on where the series began", function()
    math.randomseed(tm.seed "pattern")
    local n, skipped = 700, 333
    local bars = patterned_bars(n, INTERVAL, 0.01)
    for ours, p in pairs(PATTERNS) do
      local whole, part = values(ours, INTERVAL, bars, n), values(ours, INTERVAL, bars + skipped, n - skipped)
      for i = skipped + p[2], n - 1 do assert.are.equal(whole[i], part[i - skipped], ours) end
    end
  end)

  it("count bars, not time, after a hole", function()
    math.randomseed(tm.seed "pattern")
    local n = 300
    local bars = patterned_bars(n, INTERVAL, 0.01)
    local whole = {}
    for ours in pairs(PATTERNS) do whole[ours] = values(ours, INTERVAL, bars, n) end
    for i = 150, n - 1 do bars[i].open_ms = C.interval_add(INTERVAL, bars[i].open_ms, 7) end
    for ours, p in pairs(PATTERNS) do
      local got = values(ours, INTERVAL, bars, n)
      for i = p[2], n - 1 do assert.are.equal(whole[ours][i], got[i], ours) end
    end
  end)

  it("are NaN as long as an undefined price is among the bars that they look at", function()
    math.randomseed(tm.seed "pattern")
    local n, bad = 120, 50
    for _, value in ipairs {NaN, math.huge} do
      for _, field in ipairs {"open", "high", "low", "close"} do
        local bars = patterned_bars(n, INTERVAL, 0.01)
        bars[bad][field] = value
        for ours, p in pairs(PATTERNS) do
          local got, after = values(ours, INTERVAL, bars, n), values(ours, INTERVAL, bars + bad + 1, n - bad - 1)
          for i = bad, bad + p[2] do assert.is_true(got[i] ~= got[i], ours) end
          assert.is_true(got[bad - 1] == got[bad - 1], ours)
          for i = bad + p[2] + 1, n - 1 do assert.are.equal(after[i - bad - 1], got[i], ours) end
        end
      end
    end
  end)
end)
