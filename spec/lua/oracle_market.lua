--- A seeded market in CSV files, made to be unpleasant: bars that are missing one by one and by the hundred, stretches
-- without a trade, prices that stand still while volume flows, spikes, files that begin and end in the middle of an hour.
local M = {}

--- Numbers from a seed, the same on every machine (Park and Miller's generator).
-- @return function(low, high): a whole number in low..high; without arguments a number in [0, 1)
function M.random(seed)
  local state = seed % 2147483646 + 1
  local function next_state()
    state = state * 48271 % 2147483647
    return state
  end
  for _ = 1, 16 do next_state() end -- the first numbers of seeds that lie close together do so too
  return function(low, high)
    local x = next_state() / 2147483647
    if not low then return x end
    return low + math.floor(x * (high - low + 1))
  end
end

local MINUTE = 60000
local HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote\n"

local function write_bar(file, time, places, ticks, volume)
  local price, scale = "%." .. places .. "f", 10 ^ places
  local text = {}
  for i, t in ipairs(ticks) do text[i] = price:format(t / scale) end
  file:write(("%.0f,%s,%.1f,%.0f,%.4f,%d,%.1f,%.4f\n"):format(time, table.concat(text, ","), volume, time + MINUTE - 1,
    volume * ticks[4] / scale, volume > 0 and math.ceil(volume / 7) or 0, volume / 2, volume * ticks[4] / scale / 2))
end

-- How long the market stays in its present mood, and how it moves meanwhile: ticks a bar.
local function new_mood(random)
  local moods = {
    {bars = random(30, 200), width = 12, drift = 0, volume = 80},
    {bars = random(10, 90), width = 30, drift = random(-9, 9), volume = 300},
    {bars = random(20, 90), width = 0, drift = 0, volume = 0},
    {bars = random(5, 60), width = 0, drift = 0, volume = 50},
    {bars = random(1, 400), is_missing = true},
    {bars = random(1, 3), is_missing = true},
    {bars = random(50, 300), width = 2, drift = 0, volume = 20},
    {bars = random(100, 500), width = 20, drift = random(-3, 3), volume = 150},
  }
  local share = random()
  if share < 0.06 then return moods[5] end
  if share < 0.20 then return moods[6] end
  return moods[({1, 2, 3, 4, 7, 8, 8, 1})[random(1, 8)]]
end

--- One 1m file. `bars`: minutes from its first to its last.
function M.write(path, seed, first_ms, bars)
  local random = M.random(seed)
  local places, last = random(2, 5), random(20000, 90000)
  local file = assert(io.open(path, "w"))
  file:write(HEADER)
  local mood = {bars = 400, width = 15, drift = 0, volume = 100}
  for minute = 0, bars - 1 do
    if mood.bars == 0 then mood = new_mood(random) end
    mood.bars = mood.bars - 1
    if not mood.is_missing then
      local open = last
      local close = math.max(1000, open + mood.drift + random(-mood.width, mood.width))
      local high = math.max(open, close) + random(0, mood.width)
      local low = math.min(open, close) - random(0, mood.width)
      local volume = mood.volume == 0 and 0 or random(1, mood.volume * 10) / 10 * (random() < 0.02 and 12 or 1)
      write_bar(file, first_ms + minute * MINUTE, places, {open, high, low, close}, volume)
      last = close
    end
  end
  file:close()
end

return M
