--- Texts as JSON, byte for byte as lua-cjson writes them, but in the memory of the state alone.
local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub

local M = {}

local NAMED = {['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b", ["\t"] = "\\t", ["\n"] = "\\n", ["\f"] = "\\f", ["\r"] = "\\r"}

local function escape(c) return NAMED[c] or format("\\u%04x", byte(c)) end

--- A text as JSON, quotation marks included.
-- @param text any bytes; those from 128 on stay as they are
-- @return JSON
function M.text(text)
  if find(text, '[%c"\\/]') then text = gsub(text, '[%c"\\/]', escape) end
  return '"' .. text .. '"'
end

return M
