--- JSON for scripts: lua-cjson behind limits: depth 32, 20,000 values, 256 KB either way.
--
-- cjson allocates outside of the state's memory, gives up the process when it cannot, and leaves its buffer behind when
-- the state has no memory for the answer. So texts are measured before they are made, no buffer is kept between calls,
-- and a state that has been refused memory may not call it any more. A script that is stopped inside of it takes at the
-- most 256 KB along, once.
local C = require("ffi").C
local cjson = require("cjson").new()
local fail = require "fail"
local series = require "series"
local next, pcall, type = next, pcall, type

local DEPTH, VALUES, BYTES = 32, 20000, 256 * 1024

cjson.encode_max_depth(DEPTH)
cjson.decode_max_depth(DEPTH)
cjson.encode_sparse_array(false, 2, 16)
cjson.encode_keep_buffer(false)
local encode, decode, null = cjson.encode, cjson.decode, cjson.null

-- Bytes that a value needs at the most: six for each byte of a text (\u00xx), 32 for a number.
local function measure(value, depth, total)
  local kind = type(value)
  total.values = total.values + 1
  if total.values > VALUES then fail(("json.encode: more than %d values"):format(VALUES)) end
  if kind == "string" then
    total.bytes = total.bytes + 2
    if total.bytes + #value > BYTES then fail(("json.encode: more than %d bytes"):format(BYTES)) end
    local _, escaped = value:gsub('[%c"\\/\127]', "")
    total.bytes = total.bytes + #value + escaped * 5
  elseif kind == "table" then
    if depth >= DEPTH then fail(("json.encode: nested deeper than %d"):format(DEPTH)) end
    for k, v in next, value do
      measure(k, depth + 1, total)
      measure(v, depth + 1, total)
    end
  else
    total.bytes = total.bytes + 32
  end
  if total.bytes > BYTES then fail(("json.encode: more than %d bytes"):format(BYTES)) end
end

local function expect_memory()
  if C.script_is_full(series.context()) then fail "not enough memory" end
end

--- JSON for scripts.
-- @class json
-- @field null value that stands for null
local M = {null = null}

--- JSON text of a value.
-- @param value any: table, text, number, boolean or json.null @return text; raises when it is too big, too deep or holds a function
-- @usage local text = json.encode({symbol = m.symbol})
function M.encode(value)
  measure(value, 0, {values = 0, bytes = 0})
  expect_memory()
  local ok, text = pcall(encode, value)
  if not ok then fail("json.encode: " .. text) end
  return text
end

--- Value of a JSON text.
-- @param text text of at most 256 KB @return value (json.null for null); raises when the text is no JSON
-- @usage local t = json.decode('{"a": 1}')
function M.decode(text)
  if type(text) ~= "string" then fail("json.decode: found a " .. type(text) .. "; expected a text") end
  if #text > BYTES then fail(("json.decode: more than %d bytes"):format(BYTES)) end
  expect_memory()
  local ok, value = pcall(decode, text)
  if not ok then fail("json.decode: " .. value) end
  return value
end

return M
