--- Times and intervals of specs: Unix ms, UTC, and their texts.
local M = {}

M.INTERVALS = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w"

local UNIT_MS = {s = 1000, m = 60000, h = 3600000, d = 86400000, w = 604800000}
local steps = {}
for name in M.INTERVALS:gmatch "%S+" do
  local n, unit = name:match "^(%d+)(%a)$"
  steps[name] = n * UNIT_MS[unit]
end

--- Length of an interval in ms; nil for what is none, and for a month, which has no fixed one.
function M.step(interval) return steps[interval] end

-- Days since 1970-01-01 of a date, from the length of four centuries (146,097 days), counted in years that begin in March.
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local century_years = year % 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = century_years * 365 + math.floor(century_years / 4) - math.floor(century_years / 100) + day_of_year
  return math.floor(year / 400) * 146097 + day_of_era - 719468
end

--- Unix ms of a time: "2026-01-05", "2026-01-05T14:05", "2026-01-05 14:05:30", each with an optional Z, or ms themselves.
-- @return ms; nil for what is no time. A number counts as ms from 10^11 (1973) on.
function M.parse(value)
  if type(value) == "number" then return value >= 1e11 and value or nil end
  if type(value) ~= "string" then return nil end
  local year, month, day, rest = value:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$"
  if not year then return nil end
  local hour, minute, second = rest:match "^[T ](%d%d):(%d%d):?(%d*)Z?$"
  if not hour and rest ~= "" and rest ~= "Z" then return nil end
  local seconds = (tonumber(hour) or 0) * 3600 + (tonumber(minute) or 0) * 60 + (tonumber(second) or 0)
  return (days_of(tonumber(year), tonumber(month), tonumber(day)) * 86400 + seconds) * 1000
end

--- "2026-01-05T14:05:00Z" of Unix ms.
function M.text(ms) return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(ms / 1000)) end

return M
