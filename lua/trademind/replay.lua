--- Runs `trademind replay`: the evaluation that the daemon uses, over markets in a temporary folder.
local cjson = require "cjson"
local fail = require "trademind.fail"
local lfs = require "lfs"

local M = {}

local function is_file(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- The executable: TRADEMIND, else trademind in the folder TRADEMIND_BUILD, else in build/release, else in the PATH.
function M.executable()
  local named, build = os.getenv "TRADEMIND", os.getenv "TRADEMIND_BUILD"
  if named and named ~= "" then
    if is_file(named) then return named end
    fail(("TRADEMIND is %s, which is no file; expected the executable trademind"):format(named))
  end
  for _, path in ipairs {(build or "build/release") .. "/trademind", "build/release/trademind"} do
    if is_file(path) then return path end
  end
  for folder in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    if is_file(folder .. "/trademind") then return folder .. "/trademind" end
  end
  fail "there is no executable trademind in build/release or in the PATH; build it, or name it in TRADEMIND"
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function remove(path)
  if lfs.attributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
    assert(lfs.rmdir(path))
  else
    assert(os.remove(path))
  end
end

-- The name that tmpname() has reserved becomes a folder.
local function temporary_folder()
  local folder = os.tmpname()
  assert(os.remove(folder))
  assert(lfs.mkdir(folder))
  return folder
end

-- Settings of the machine or of a .env file do not decide what a spec sees; what it sets itself does.
local function command(folder, options)
  local symbols, words = {}, {M.executable(), "replay", "--json", "--workers", "1", "--data", folder .. "/data", "--traders", folder .. "/traders"}
  for i, market in ipairs(options.markets) do symbols[i] = market.symbol end
  local function add(...) for _, word in ipairs {...} do words[#words + 1] = word end end
  add("--symbols", table.concat(symbols, ","))
  if options.from then add("--from", ("%.0f"):format(options.from)) end
  if options.to then add("--to", ("%.0f"):format(options.to)) end
  -- A busy machine may take a thread away for longer than a filter is allowed to last.
  local settings = {LOG_FORMAT = "json", LOG_LEVEL = "info", KLINE_INTERVAL = "5m", SCRIPT_CPU_MS = "1000"}
  for name, value in pairs(options.settings or {}) do settings[name] = tostring(value) end
  for name, value in pairs(settings) do add("--set", name .. "=" .. value) end
  for i, word in ipairs(words) do words[i] = quoted(word) end
  return ("%s >%s 2>%s"):format(table.concat(words, " "), quoted(folder .. "/signals"), quoted(folder .. "/log"))
end

local function json_lines(path, from, to)
  local list = {}
  for line in read(path):gmatch "[^\n]+" do
    local ok, value = pcall(cjson.decode, line)
    list[#list + 1] = ok and value or {level = "error", component = "log", message = line}
    if type(list[#list].message) == "string" then
      local at, past = list[#list].message:find(from, 1, true)
      while at do
        list[#list].message = list[#list].message:sub(1, at - 1) .. to .. list[#list].message:sub(past + 1)
        at, past = list[#list].message:find(from, at + #to, true)
      end
    end
  end
  return list
end

local function run_in(folder, options)
  lfs.mkdir(folder .. "/data")
  lfs.mkdir(folder .. "/traders")
  for _, market in ipairs(options.markets) do market:write(folder .. "/data") end
  for _, market in ipairs(options.references or {}) do market:write(folder .. "/data") end
  local script = ("%s/traders/%s.lua"):format(folder, options.name)
  write(script, options.code)
  if options.inputs and next(options.inputs) then write(("%s/traders/%s.json"):format(folder, options.name), cjson.encode(options.inputs)) end
  local code = os.execute(command(folder, options))
  if code == true then code = 0 end -- Lua 5.2 and later
  return {code = code, signals = json_lines(folder .. "/signals", script, options.path), log = json_lines(folder .. "/log", script, options.path)}
end

--- Run one trader.
-- @param options {name (of the trader), code, path (of it, for messages), inputs, markets, references (of which there are bars, too), from, to (ms), settings}
-- @return {code = 0 when all went well, signals = the program's JSON objects, log = list of {level, component, message}}
function M.run(options)
  local folder = temporary_folder()
  local ok, result = pcall(run_in, folder, options)
  remove(folder)
  if not ok then error(result, 0) end
  return result
end

return M
