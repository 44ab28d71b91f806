--- Rules of notifications: the field `notify` of a trader, checked.
--
-- `notify = {to = {"telegram"}, events = {"signal", "analysis"}, message = "{{symbol}} at {{close}}"}`; `notify = false`: nobody is
-- told of its signals. Names in messages are checked in C, by what fills them in later.
local ffi = require "ffi"
local series = require "series"
local suggest = require "suggest"

local C = ffi.C
local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local M = {}

local FIELDS = {"to", "events", "message", "min_score", "max_per_hour"}
local SERVICES = {"webhook", "telegram", "discord"} -- as in src/screener/notice.h, like the next
local EVENTS = {"signal", "provisional", "confirmed", "withdrawn", "analysis"}
local WHY_BYTES = 512

local why_text = ffi.new("char[?]", WHY_BYTES)

local function found(value)
  if type(value) == "string" then return ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value) end
  if type(value) == "table" or type(value) == "function" or type(value) == "userdata" then return series.describe(value) end
  return tostring(value)
end

local function is_one_of(names, value)
  for _, name in ipairs(names) do if name == value then return true end end
  return false
end

local function quoted(names) return '"' .. table.concat(names, '", "') .. '"' end

-- Nil when `value` is a list of some of the names, else a sentence.
local function list_fault(field, value, names)
  local n = 0
  if type(value) == "table" then for _ in pairs(value) do n = n + 1 end end
  if n == 0 or n ~= #value then
    return ("field \"notify.%s\" is %s; expected a list of one or more of %s"):format(field, found(value), quoted(names))
  end
  for _, item in ipairs(value) do
    if not is_one_of(names, item) then
      return ("field \"notify.%s\" has %s%s; known are %s"):format(field, found(item), type(item) == "string" and suggest(item, names) or "",
        quoted(names))
    end
  end
  return nil
end

local function message_fault(name, text)
  if type(text) ~= "string" then return ("field \"%s\" is %s; expected a text such as \"{{symbol}} at {{close}}\""):format(name, found(text)) end
  if C.template_check(text, #text, why_text, WHY_BYTES) == 0 then return nil end
  return ("field \"%s\": %s"):format(name, ffi.string(why_text))
end

local CHECKS = {
  to = function(v) return list_fault("to", v, SERVICES) end,
  events = function(v) return list_fault("events", v, EVENTS) end,
  message = function(v)
    if type(v) ~= "table" then return message_fault("notify.message", v) end
    for event, text in pairs(v) do
      if not is_one_of(EVENTS, event) then
        return ("field \"notify.message\" has no event %q%s; known are %s"):format(tostring(event), suggest(tostring(event), EVENTS), quoted(EVENTS))
      end
      local why = message_fault("notify.message." .. event, text)
      if why then return why end
    end
    return nil
  end,
  min_score = function(v)
    if type(v) == "number" and v >= 0 and v <= 1 then return nil end
    return ("field \"notify.min_score\" is %s; expected a number from 0 to 1"):format(found(v))
  end,
  max_per_hour = function(v)
    if type(v) == "number" and v % 1 == 0 and v >= 1 and v <= 10000 then return nil end
    return ("field \"notify.max_per_hour\" is %s; expected a whole number from 1 to 10000"):format(found(v))
  end,
}

--- @param rules what the trader has written @return nil when it is right; else the name of the field, and a sentence
function M.check(rules)
  if rules == false then return nil end
  if type(rules) ~= "table" then
    return "notify", ("field \"notify\" is %s; expected false or a table such as {to = {\"telegram\"}, events = {\"signal\"}}"):format(found(rules))
  end
  for key in pairs(rules) do
    if not is_one_of(FIELDS, key) then return tostring(key), ("notify has no field %q%s"):format(tostring(key), suggest(tostring(key), FIELDS)) end
  end
  for _, field in ipairs(FIELDS) do
    if rules[field] ~= nil then
      local why = CHECKS[field](rules[field])
      if why then return field, why end
    end
  end
  return nil
end

--- Rules that were checked as plain values: {} for what stands at its defaults. @return table with `off`, or with the fields that
-- are there; a message by event under `messages`
function M.plain(rules)
  if rules == false then return {off = true} end
  local plain = {to = rules.to, events = rules.events, min_score = rules.min_score, max_per_hour = rules.max_per_hour}
  if type(rules.message) == "table" then
    plain.messages = rules.message
  elseif rules.message then
    plain.messages = {signal = rules.message, provisional = rules.message, confirmed = rules.message}
  end
  return plain
end

return M
