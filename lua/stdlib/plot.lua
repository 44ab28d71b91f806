--- Plots: what the dashboard draws beside the candles, and what is stored with a signal.
--
-- `plots = function(m) return {plot.line("RSI", ta.rsi(m.close, 14), {pane = 1})} end`. Pane 0 is that of the candles.
local fail = require "fail"
local series = require "series"
local suggest = require "suggest"

local ipairs, pairs, setmetatable, tostring, type = ipairs, pairs, setmetatable, tostring, type

local M = {}

local PANES, TITLE_MAX, PLOTS_MAX = 9, 64, 32
local made = setmetatable({}, {__mode = "k"}) -- what plot.* gave; nothing else is a plot

local function quoted(value)
  if type(value) == "string" then return ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value) end
  return type(value) == "number" and tostring(value) or series.describe(value)
end

local function is_title(v) return type(v) == "string" and #v > 0 and #v <= TITLE_MAX end
local function one_of(names)
  local list, known = {}, {}
  for name in names:gmatch "%S+" do
    list[#list + 1] = ("%q"):format(name)
    known[name] = true
  end
  return {function(v) return type(v) == "string" and known[v] == true end, "one of " .. table.concat(list, ", ")}
end

local OPTIONS = {
  pane = {function(v) return type(v) == "number" and v % 1 == 0 and v >= 0 and v <= PANES end, ("a whole number from 0 to %d"):format(PANES)},
  color = {function(v) return type(v) == "string" and (v:find "^#%x%x%x%x%x%x$" ~= nil or v:find "^%l+$" ~= nil) and #v <= 32 end,
    "a name such as \"orange\", or \"#rrggbb\""},
  width = {function(v) return type(v) == "number" and v >= 1 and v <= 8 end, "a number from 1 to 8"},
  style = one_of "solid dashed dotted",
  position = one_of "above below",
  shape = one_of "arrow_up arrow_down circle square",
  text = {is_title, ("a text of 1 to %d bytes"):format(TITLE_MAX)},
}
local TAKES = {
  line = {"pane", "color", "width", "style"}, histogram = {"pane", "color"}, band = {"pane", "color", "width", "style"},
  hline = {"pane", "color", "width", "style"}, marker = {"color", "position", "shape", "text"},
}

local function new(kind, title, options)
  local p = {kind = kind, title = title, pane = 0}
  if not is_title(title) then fail(("plot.%s: title is %s; expected a text of 1 to %d bytes"):format(kind, quoted(title), TITLE_MAX)) end
  if options ~= nil and type(options) ~= "table" then
    fail(("plot.%s: options is %s; expected a table such as {pane = 1}"):format(kind, quoted(options)))
  end
  for key, value in pairs(options or {}) do
    local known = false
    for _, name in ipairs(TAKES[kind]) do known = known or name == key end
    if not known then fail(("plot.%s has no option %q%s"):format(kind, tostring(key), suggest(tostring(key), TAKES[kind]))) end
    if not OPTIONS[key][1](value) then fail(("plot.%s: %s is %s; expected %s"):format(kind, key, quoted(value), OPTIONS[key][2])) end
    p[key] = value
  end
  made[p] = true
  return p
end

local function series_of(kind, what, value)
  local entry = series.entry(value)
  if entry then return entry.series end
  local outputs = series.outputs(value)
  if outputs then fail(("plot.%s: %s is %s; name one of its outputs: %s"):format(kind, what, tostring(value), table.concat(outputs.fields, ", "))) end
  fail(("plot.%s: %s is %s; expected a series such as m.close"):format(kind, what, quoted(value)))
end

--- A line through the values of a series.
-- @param title text @param source series @param options {pane = 0..9 (0, that of the candles), color, width = 1..8, style =
-- "solid"|"dashed"|"dotted"} @return plot, for the list that `plots` returns
-- @usage local p = plot.line("RSI", ta.rsi(m.close, 14), {pane = 1, color = "orange"})
function M.line(title, source, options)
  local p = new("line", title, options)
  p.value = series_of("line", "source", source)
  return p
end

--- A column for each value of a series.
-- @param title text @param source series @param options {pane = 0..9 (0), color} @return plot, for the list that `plots` returns
-- @usage local p = plot.histogram("MACD", ta.macd(m.close, 12, 26, 9).hist, {pane = 2})
function M.histogram(title, source, options)
  local p = new("histogram", title, options)
  p.value = series_of("histogram", "source", source)
  return p
end

--- The space between two series.
-- @param title text @param upper series @param lower series @param options as plot.line
-- @return plot, for the list that `plots` returns
-- @usage local p = plot.band("Bollinger", ta.bb(m.close, 20, 2).upper, ta.bb(m.close, 20, 2).lower)
function M.band(title, upper, lower, options)
  local p = new("band", title, options)
  p.upper, p.lower = series_of("band", "upper", upper), series_of("band", "lower", lower)
  return p
end

--- A horizontal line.
-- @param title text @param level number @param options as plot.line @return plot, for the list that `plots` returns
-- @usage local p = plot.hline("oversold", 30, {pane = 1, style = "dashed"})
function M.hline(title, level, options)
  local p = new("hline", title, options)
  if type(level) ~= "number" or level - level ~= 0 then fail(("plot.hline: level is %s; expected a number"):format(quoted(level))) end
  p.level = level
  return p
end

--- A mark at the bars where a condition holds.
-- @param title text @param condition series of 1 and 0, or boolean of the newest bar
-- @param options {color, position = "above"|"below", shape = "arrow_up"|"arrow_down"|"circle"|"square", text}
-- @return plot, for the list that `plots` returns
-- @usage local p = plot.marker("cross", m.close:crossover(ta.sma(m.close, 20)), {position = "below", shape = "arrow_up"})
function M.marker(title, condition, options)
  local p = new("marker", title, options)
  if type(condition) == "boolean" then p.held = condition else p.value = series_of("marker", "condition", condition) end
  return p
end

-- ---- for the sandbox, not for scripts ----

local KEPT = {"kind", "title", "pane", "color", "width", "style", "position", "shape", "text", "level"}

--- What `plots` returned, with the values at the newest bar: list of plain tables; raises what is wrong with it.
-- @param answer what the function returned @param where file and line of the function
function M.read(answer, where)
  local function bad(what) error(("%s: plots returned %s; expected a list of plot.line(...), plot.band(...) and so on"):format(where, what), 0) end
  local list = {}
  if type(answer) ~= "table" then bad(quoted(answer)) end
  if made[answer] then bad "a single plot" end
  if #answer > PLOTS_MAX then bad(("%d plots, %d are the most"):format(#answer, PLOTS_MAX)) end
  for key in pairs(answer) do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > #answer then bad(("a table with the key %q"):format(tostring(key))) end
  end
  for i, p in ipairs(answer) do
    if type(p) ~= "table" or not made[p] then bad(("%s as number %d of the list"):format(quoted(p), i)) end
    local plain = {}
    for _, key in ipairs(KEPT) do plain[key] = p[key] end
    for _, key in ipairs {"value", "upper", "lower"} do
      if p[key] then plain[key] = p[key][0] end
    end
    if p.held ~= nil then plain.value = p.held end
    list[i] = plain
  end
  return list
end

return M
