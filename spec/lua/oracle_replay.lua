--- `trademind replay` beside the oracle: the same signals by their ids, none missing, none besides.
local assert = require "luassert"
local cjson = require "cjson"
local oracle = require "spec.lua.oracle"

local M = {}

local BUILD = os.getenv("TRADEMIND_BUILD") or "build/release"
M.klines = (os.getenv("TRADEMIND_DATA") or "../shared/data") .. "/klines"

local folders = {}

--- Run a shell command, which must succeed.
function M.run(command, ...)
  local line = command:format(...)
  assert(os.execute(line) == 0, line)
end

--- A new folder; all of them go with M.clean().
function M.temp_folder()
  local pipe = io.popen("mktemp -d")
  local folder = pipe:read "*l"
  pipe:close()
  folders[#folders + 1] = folder
  return folder
end

function M.clean()
  for _, folder in ipairs(folders) do M.run("rm -rf '%s'", folder) end
  folders = {}
end

--- Whether there are recorded klines in a file of that name.
function M.has_data(name)
  local file = io.open(M.klines .. "/" .. name)
  if file then file:close() end
  return file ~= nil
end

--- All traders of some folders that have a meaning, in one: that folder, and the list of {key, path, meaning, from}.
-- @param from_folders list @param meanings key -> meaning; false: none can be given
function M.traders(from_folders, meanings)
  local folder, list = M.temp_folder(), {}
  for _, from in ipairs(from_folders) do
    local pipe = io.popen("ls " .. from)
    for name in pipe:lines() do
      local key = name:match "^(.*)%.lua$"
      if key and not key:find "_spec$" and meanings[key] ~= false then
        M.run("cp '%s/%s' '%s'", from, name, folder)
        assert(meanings[key], "no meaning is given for " .. key)
        list[#list + 1] = {key = key, path = folder .. "/" .. name, from = from, meaning = meanings[key]}
      end
    end
    pipe:close()
  end
  return folder, list
end

--- A folder with these traders only.
function M.folder_of(list)
  local folder = M.temp_folder()
  for _, t in ipairs(list) do M.run("cp '%s' '%s'", t.path, folder) end
  return folder
end

--- A folder with the recorded klines of some symbols at one interval only, so that it is the smallest.
function M.klines_of(interval, symbols)
  local folder = M.temp_folder()
  for _, symbol in ipairs(symbols) do M.run("ln -s \"$(realpath '%s/%s-%s.csv.gz')\" '%s'", M.klines, symbol, interval, folder) end
  return folder
end

-- What replay prints, by id. It must end well and say nothing twice.
local function replay(what)
  local words = {
    BUILD .. "/trademind", "replay", "--json", "--data", what.folder, "--symbols", table.concat(what.symbols, ","), "--from", ("%.0f"):format(what.from),
    "--traders", what.trader_folder, "--workers", tostring(what.workers or 1),
    "--set", "SCRIPT_CPU_MS=1000", -- a busy machine may take a thread away for longer than a filter is allowed to last
  }
  if what.to then
    words[#words + 1] = "--to"
    words[#words + 1] = ("%.0f"):format(what.to)
  end
  local log = os.tmpname()
  local pipe = io.popen(table.concat(words, " ") .. " 2>" .. log .. "; echo $?")
  local found, code = {}, nil
  for line in pipe:lines() do
    if line:match "^%d+$" then
      code = line
    else
      local signal = cjson.decode(line)
      assert(not found[signal.id], "twice: " .. line)
      found[signal.id] = signal
    end
  end
  pipe:close()
  local file = io.open(log)
  local said = file:read "*a"
  file:close()
  os.remove(log)
  assert(code == "0", ("%s\nended with code %s\n%s"):format(table.concat(words, " "), tostring(code), said))
  return found, table.concat(words, " ")
end

local function add_lines(lines, what, signals)
  table.sort(signals, function(a, b) return a.time < b.time end)
  for i = 1, math.min(#signals, 8) do
    local s = signals[i]
    lines[#lines + 1] = ("  %s: %s %s %s"):format(what, s.trader, s.symbol, os.date("!%FT%TZ", s.time / 1000))
  end
end

--- Compares both. `what`: folder, symbols, from, to, traders, workers, seed (of the spec, for its message).
-- @return how many signals both found, and how many of each trader (by its id)
function M.compare(what)
  what.trader_folder = what.trader_folder or M.folder_of(what.traders)
  local expected, count = oracle.signals(what)
  local found, command = replay(what)
  local missing, besides, lines = {}, {}, {}
  for id, signal in pairs(expected) do
    local other = found[id]
    if not other then
      missing[#missing + 1] = signal
    else
      assert.same({signal.trader, signal.symbol, signal.time, signal.price}, {other.trader, other.symbol, other.time, other.price})
    end
  end
  for id, signal in pairs(found) do if not expected[id] then besides[#besides + 1] = signal end end
  if #missing + #besides > 0 then
    lines[1] = ("seed %s: %s\n%d signals expected, %d missing, %d besides:"):format(tostring(what.seed), command, count, #missing, #besides)
    add_lines(lines, "missing", missing)
    add_lines(lines, "besides", besides)
    error(table.concat(lines, "\n"), 0)
  end
  local of_each = {}
  for _, signal in pairs(expected) do of_each[signal.trader] = (of_each[signal.trader] or 0) + 1 end
  return count, of_each
end

return M
