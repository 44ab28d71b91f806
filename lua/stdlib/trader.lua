--- The `trader` function: checks the table that a script describes itself with, and what its filter returns.
local dialect = require "dialect"
local notices = require "notify"
local prompts = require "prompt"
local series = require "series"
local suggest = require "suggest"

local getinfo = debug.getinfo

local M = {}

local INTERVALS = {}
for name in ("1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"):gmatch "%S+" do INTERVALS[name] = true end

--- The table that `trader` is called with.
-- @class fields
-- @field id? text of letters, digits, _ - . @field name? text @field description? text @field tags? list of texts
-- @field enabled? boolean (true) @field interval? interval such as "5m" @field timeframes? list of intervals
-- @field symbols? table {include, exclude, quote, min_quote_volume, top} @field on? "close" or "tick" @field fire? "edge", "every" or {every = bars}
-- @field cooldown? bars @field warmup? bars @field series? table of function(m, prev) -> number
-- @field filter? function(m) -> boolean or result @field conditions? list of texts or {text, function(m) -> boolean}
-- @field plots? function(m) -> table @field prompt? text or function(m, signal) -> text @field analysis? table {model, when, max_per_day}
-- @field risk? table {stop_pct, target_pct} @field notify? boolean or table {to, events, message, min_score, max_per_hour}
-- @field references? list of symbols such as "BTCUSDT", read as m.ref.BTCUSDT @field rank? table {by = function(m) -> number, top = symbols}

--- What a filter may return in place of true or false.
-- @class result
-- @field match boolean @field side? "long" or "short" @field score? number, 0..1 @field stop? price @field target? price or list of prices
-- @field conditions? list of texts @field tags? list of texts

local FIELDS = {
  "id", "name", "description", "tags", "enabled", "interval", "timeframes", "references", "symbols", "on", "fire", "cooldown", "warmup",
  "series", "filter", "conditions", "rank", "plots", "prompt", "analysis", "risk", "notify",
}
M.fields = FIELDS
-- Names from elsewhere that mean one of ours.
local RENAMED = {
  timeframe = "interval", startup_candle_count = "warmup", condition = "filter", symbol = "symbols", title = "name", timeframes_list = "timeframes",
}
M.renamed = RENAMED

local OWN_MAX = 16 -- as in src/script/state_body.h
local REFERENCES_MAX, RANK_TOP_MAX = 8, 100000 -- as in src/script/trader.h
local SYMBOL_MAX = 63 -- bytes, as in src/market/symbol.h

local is_trader = setmetatable({}, {__mode = "k"})

local function is_field(name)
  for _, field in ipairs(FIELDS) do if field == name then return true end end
  return false
end

local function found(value)
  if type(value) == "string" then return ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value) end
  if type(value) == "table" or type(value) == "function" or type(value) == "userdata" then return series.describe(value) end
  return tostring(value)
end

-- `return trader {...}` is a tail call and leaves no line: a message names the field, and the line is found in the text.
local function fail(field, message) error({field = field, message = message}, 0) end

local function expect(field, value, ok, expected)
  if not ok then fail(field:match "[%w_]+$", ("field %q is %s; expected %s"):format(field, found(value), expected)) end
end

local function is_list(value, check)
  if type(value) ~= "table" then return false end
  local n = 0
  for _ in pairs(value) do n = n + 1 end
  if n ~= #value then return false end
  for _, item in ipairs(value) do if not check(item) then return false end end
  return true
end

local function is_text(value) return type(value) == "string" and #value <= 4096 end
local function is_count(value) return type(value) == "number" and value % 1 == 0 and value >= 0 and value <= 100000 end
local function is_function(value) return type(value) == "function" end
local function is_symbol(value)
  return type(value) == "string" and #value > 0 and #value <= SYMBOL_MAX and not value:find "[%l%s%c|/:%.,%(%)]"
end

local ANALYSIS, RISK = {"model", "when", "max_per_day"}, {"stop_pct", "target_pct"}

-- 0.7 of "score>0.7"; nil when it is none.
local function least_score(text)
  local number = type(text) == "string" and tonumber(text:match "^score%s*>%s*(%d*%.?%d+)$")
  return number and number < 1 and number or nil
end

local SYMBOLS = {"include", "exclude", "quote", "min_quote_volume", "top"}

local checks = {
  id = function(v) expect("id", v, type(v) == "string" and v:find "^[%w_%-%.]+$" and #v < 64, "a text of letters, digits, _ - . (at most 63)") end,
  name = function(v) expect("name", v, is_text(v) and #v > 0 and #v < 128, "a text of 1 to 127 bytes") end,
  description = function(v) expect("description", v, is_text(v), "a text of at most 4096 bytes") end,
  tags = function(v) expect("tags", v, is_list(v, is_text) and #v <= 32, "a list of at most 32 texts") end,
  enabled = function(v) expect("enabled", v, type(v) == "boolean", "true or false") end,
  interval = function(v) expect("interval", v, INTERVALS[v], "one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M") end,
  timeframes = function(v)
    expect("timeframes", v, is_list(v, function(i) return INTERVALS[i] end) and #v <= 8, "a list of at most 8 intervals such as {\"1h\"}")
  end,
  symbols = function(v)
    expect("symbols", v, type(v) == "table", "a table {include = {...}, exclude = {...}, quote = \"USDT\", min_quote_volume = 5e6, top = 50}")
    for key, value in pairs(v) do
      if key == "include" or key == "exclude" then
        expect("symbols." .. key, value, is_list(value, is_text), "a list of symbols such as {\"BTCUSDT\"}")
      elseif key == "quote" then
        expect("symbols.quote", value, is_text(value), "a quote asset such as \"USDT\"")
      elseif key == "min_quote_volume" then
        expect("symbols.min_quote_volume", value, type(value) == "number" and value >= 0 and value < math.huge,
          "the least volume of 24 hours in the quote asset, such as 5e6")
      elseif key == "top" then
        expect("symbols.top", value, is_count(value) and value >= 1, "a number of symbols, 1..100000")
      else
        fail(tostring(key), ("symbols has no field %q%s"):format(tostring(key), suggest(tostring(key), SYMBOLS)))
      end
    end
  end,
  references = function(v)
    expect("references", v, is_list(v, is_symbol) and #v <= REFERENCES_MAX,
      ("a list of at most %d symbols in upper case such as {\"BTCUSDT\"}"):format(REFERENCES_MAX))
    local seen = {}
    for _, name in ipairs(v) do
      if seen[name] then fail("references", ("field \"references\" names %q twice"):format(name)) end
      seen[name] = true
    end
  end,
  rank = function(v)
    expect("rank", v, type(v) == "table", "a table {by = function(m) ... end, top = 10}")
    for key in pairs(v) do
      if key ~= "by" and key ~= "top" then fail(tostring(key), ("rank has no field %q; expected by and top"):format(tostring(key))) end
    end
    if not is_function(v.by) then fail("rank", ("field \"rank.by\" is %s; expected a function(m) that gives a number"):format(found(v.by))) end
    if not (is_count(v.top) and v.top >= 1 and v.top <= RANK_TOP_MAX) then
      fail("rank", ("field \"rank.top\" is %s; expected a number of symbols, 1..%d"):format(found(v.top), RANK_TOP_MAX))
    end
  end,
  on = function(v) expect("on", v, v == "close" or v == "tick", "\"close\" or \"tick\"") end,
  fire = function(v)
    local every = type(v) == "table" and v.every
    expect("fire", v, v == "edge" or v == "every" or (every and is_count(every) and every >= 1), "\"edge\", \"every\" or {every = bars}")
  end,
  cooldown = function(v) expect("cooldown", v, is_count(v), "a number of bars, 0..100000") end,
  warmup = function(v) expect("warmup", v, is_count(v), "a number of bars, 0..100000") end,
  filter = function(v) expect("filter", v, is_function(v), "a function(m)") end,
  conditions = function(v)
    local function is_condition(c)
      return is_text(c) or type(c) == "table" and is_text(c[1]) and is_function(c[2]) and #c == 2
    end
    expect("conditions", v, is_list(v, is_condition) and #v <= 32, "a list of at most 32 texts or {text, function(m)}")
  end,
  series = function(v)
    expect("series", v, type(v) == "table", "a table {name = function(m, prev) ... end}")
    local n = 0
    for key, value in pairs(v) do
      n = n + 1
      if type(key) ~= "string" or not key:find "^[%a_][%w_]*$" or #key > 63 then
        fail("series", ("series has the name %s; expected letters, digits and _ (at most 63)"):format(found(key)))
      end
      expect("series." .. key, value, is_function(value), "a function(m, prev)")
    end
    expect("series", v, n <= OWN_MAX, ("at most %d series"):format(OWN_MAX))
  end,
  plots = function(v) expect("plots", v, is_function(v), "a function(m)") end,
  prompt = function(v) expect("prompt", v, is_function(v) or is_text(v), "a function(m, signal) or a text") end,
  analysis = function(v)
    expect("analysis", v, type(v) == "table", "a table {model = \"gemini-3.8-flash\", when = \"score>0.7\", max_per_day = 20}")
    for key, value in pairs(v) do
      if key == "model" then
        expect("analysis.model", value, prompts.is_model(value), "the name of a model such as \"gemini-3.8-flash\"")
      elseif key == "when" then
        expect("analysis.when", value, value == "always" or value == "manual" or least_score(value) ~= nil, "\"always\", \"manual\" or \"score>0.7\"")
      elseif key == "max_per_day" then
        expect("analysis.max_per_day", value, is_count(value) and value >= 1, "a number of analyses, 1..100000")
      else
        fail(tostring(key), ("analysis has no field %q%s"):format(tostring(key), suggest(tostring(key), ANALYSIS)))
      end
    end
  end,
  risk = function(v)
    expect("risk", v, type(v) == "table", "a table {stop_pct = 2, target_pct = 4}")
    for key, value in pairs(v) do
      if key ~= "stop_pct" and key ~= "target_pct" then
        fail(tostring(key), ("risk has no field %q%s"):format(tostring(key), suggest(tostring(key), RISK)))
      end
      expect("risk." .. key, value, type(value) == "number" and value > 0 and value < 100, "a percentage above 0, below 100")
    end
  end,
  notify = function(v)
    local field, why = notices.check(v)
    if field then fail(field, why) end
  end,
}

local function check(fields)
  if type(fields) ~= "table" then
    fail("trader", ("trader: expected a table of fields, found %s; write trader {name = ..., filter = ...}"):format(found(fields)))
  end
  for key in pairs(fields) do
    if type(key) ~= "string" or not is_field(key) then
      local renamed = RENAMED[key]
      local hint = renamed and ("; did you mean %q?"):format(renamed) or dialect.field("trader", key) or suggest(tostring(key), FIELDS)
      fail(tostring(key), ("a trader has no field %q%s"):format(tostring(key), hint))
    end
  end
  for _, key in ipairs(FIELDS) do
    if fields[key] ~= nil then checks[key](fields[key]) end
  end
  if fields.filter then return end
  if #(fields.conditions or {}) == 0 then fail("trader", "a trader needs a filter: filter = function(m) return ... end") end
  for _, c in ipairs(fields.conditions) do
    if type(c) ~= "table" then
      fail("conditions", "a trader without a filter needs a function in every condition: {text, function(m) ... end}")
    end
  end
end

-- "file:line: " of the first line of `code` that sets `field`.
local function locate(chunk, code, field)
  local number = 0
  local call
  for line in (code .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if (" " .. line):find("[^%w_]" .. field:gsub("%W", "%%%0") .. "%s*=[^=]") then return ("%s:%d: "):format(chunk, number) end
    if not call and (" " .. line):find "[^%w_]trader%s*[%({]" then call = number end
  end
  return call and ("%s:%d: "):format(chunk, call) or chunk .. ": "
end

--- The `trader` function of one script.
function M.new(chunk, code)
  --- Describes a trader; the script returns what this returns.
  -- @function trader
  -- @param fields fields of a trader, in a table @return table, for `return`
  -- @usage return trader {name = "x", filter = function(m) return m.close[0] > m.open[0] end}
  return function(fields)
    -- A copy, without metatable: what was checked is what counts.
    local copy = fields
    if type(fields) == "table" then
      copy = {}
      for key, value in pairs(fields) do copy[key] = value end
    end
    local ok, why = pcall(check, copy)
    if not ok then
      if type(why) == "table" then why = locate(chunk, code, why.field) .. why.message end
      error(why, 0)
    end
    is_trader[copy] = true
    return copy
  end
end

function M.is_trader(value) return type(value) == "table" and is_trader[value] == true end

--- The filter that is run, and the conditions, of a checked trader.
-- @param chunk where the script comes from
-- @return function(m), list of {text, check = function(m) that gives true or false; nil when it is a text only}
function M.filter_of(t, chunk)
  local conditions = {}
  for i, c in ipairs(t.conditions or {}) do
    local text, body = type(c) == "table" and c[1] or c, type(c) == "table" and c[2] or nil
    conditions[i] = {text = text, body = body}
    conditions[i].check = body and function(m)
      local held = body(m)
      if held == true or held == false then return held end
      error(("%s:%d: condition %q returned %s; expected true or false"):format(chunk, getinfo(body, "S").linedefined, text, found(held)), 0)
    end
  end
  if t.filter then return t.filter, conditions end
  return function(m)
    for i = 1, #conditions do
      if not conditions[i].check(m) then return false end
    end
    return true
  end, conditions
end

--- How signals of a trader are to be analysed.
-- @param chunk where the script comes from
-- @return {ask = function(m, signal) -> text or table, where = place of that function for messages, is_wanted = it has a prompt or
-- an analysis, when, least_score (nil: any), model, max_per_day, stop_pct, target_pct}
function M.analysis_of(t, chunk)
  local a, risk = t.analysis or {}, t.risk or {}
  local ask, where = t.prompt, chunk
  if type(ask) == "function" then
    where = ("%s:%d"):format(chunk, getinfo(ask, "S").linedefined)
  else
    local focus = ask
    ask = function(m, signal) return prompts.default(m, signal, {focus = focus}) end
  end
  return {
    ask = ask, where = where, is_wanted = t.prompt ~= nil or t.analysis ~= nil, when = a.when or "always", least_score = least_score(a.when),
    model = a.model, max_per_day = a.max_per_day, stop_pct = risk.stop_pct, target_pct = risk.target_pct,
  }
end

--- The function by which the symbols are ranked; nil when the trader has no rank. @param chunk where the script comes from
function M.rank_of(t, chunk)
  if not t.rank then return nil end
  local by = t.rank.by
  return function(m)
    local score = by(m)
    if type(score) == "number" then return score end
    error(("%s:%d: rank.by returned %s; expected a number (0/0 where there is none)"):format(chunk, getinfo(by, "S").linedefined, found(score)), 0)
  end
end

local RESULT = {"match", "conditions", "score", "side", "stop", "target", "tags"}
local SIDES = {long = 1, short = 2}

local function bad(where, what) error(("%s: filter returned %s"):format(where, what), 0) end

local function is_price(v) return type(v) == "number" and v > 0 and v < math.huge end

--- What a filter's table says, checked. `where`: file and line of the filter.
-- @param answer what the filter returned
-- @return match, side (0..2), score, stop (nil), list of targets, list of conditions or nil, list of tags or nil
function M.result(answer, where)
  if type(answer) ~= "table" then bad(where, found(answer) .. "; expected true, false or a table {match = ...}") end
  local r = {} -- without metatable: each field is read once, so what was checked is what counts
  for key, value in next, answer do r[key] = value end
  for key in pairs(r) do
    local known = false
    for _, name in ipairs(RESULT) do known = known or name == key end
    if not known then bad(where, ("a table with the unknown field %q%s"):format(tostring(key), suggest(tostring(key), RESULT))) end
  end
  if type(r.match) ~= "boolean" then bad(where, ("a table whose match is %s; expected true or false"):format(found(r.match))) end
  local function expect_list(name, list, is_item, most, expected)
    if list == nil or is_list(list, is_item) and #list <= most then return end
    bad(where, ("%s %s; expected %s"):format(name, found(list), expected))
  end
  local targets = r.target
  if type(targets) == "number" then targets = {targets} end
  if r.side ~= nil and not SIDES[r.side] then bad(where, ("side %s; expected \"long\" or \"short\""):format(found(r.side))) end
  if r.score ~= nil and not (type(r.score) == "number" and r.score >= 0 and r.score <= 1) then
    bad(where, ("score %s; expected 0..1"):format(found(r.score)))
  end
  if r.stop ~= nil and not is_price(r.stop) then bad(where, ("stop %s; expected a price"):format(found(r.stop))) end
  expect_list("target", targets, is_price, 8, "a price or a list of at most 8 prices")
  expect_list("conditions", r.conditions, is_text, 32, "a list of at most 32 texts")
  expect_list("tags", r.tags, is_text, 32, "a list of at most 32 texts")
  return r.match, SIDES[r.side] or 0, r.score, r.stop, targets, r.conditions, r.tags
end

return M
