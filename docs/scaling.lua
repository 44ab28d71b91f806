--- Draws docs/scaling.svg from what build/PRESET/scaler_week_dump prints: the mixed week, and cost times lag of every scene.
--
--     build/release/scaler_week_dump | luajit docs/scaling.lua > docs/scaling.svg
local WIDTH, LEFT, RIGHT = 900, 70, 20
local SIZES = {"scaled", "1", "2", "4", "8"}
local COLOURS = {scaled = "#1f6feb", ["1"] = "#d0d7de", ["2"] = "#b1bac4", ["4"] = "#8c959f", ["8"] = "#57606a"}

local hours, scenes, order = {}, {}, {}
for line in io.lines() do
  local function field(name) return line:match('"' .. name .. '": "?([^",}]+)') end
  local hour, scene = tonumber(field "hour"), field "scene"
  if hour then
    hours[hour + 1] = {cpus = tonumber(field "cpus"), load = tonumber(field "load"), lag = tonumber(field "lag_ms")}
  else
    if not scenes[scene] then
      scenes[scene] = {}
      order[#order + 1] = scene
    end
    scenes[scene][field "size"] = tonumber(field "usd_month") * tonumber(field "lag_ms")
  end
end

local out = {}
local function put(format, ...) out[#out + 1] = format:format(...) end
local function text(x, y, words, anchor) put('<text x="%.0f" y="%.0f" text-anchor="%s">%s</text>', x, y, anchor or "start", words) end

local function x_of(hour) return LEFT + hour / #hours * (WIDTH - LEFT - RIGHT) end

-- One curve over the hours, `value` of an hour being 0 .. `most`; drawn as steps.
local function steps(top, height, most, colour, value)
  local points = {}
  for i, hour in ipairs(hours) do
    local y = top + height * (1 - math.min(value(hour), most) / most)
    points[#points + 1] = ("%.1f,%.1f %.1f,%.1f"):format(x_of(i - 1), y, x_of(i), y)
  end
  put('<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>', colour, table.concat(points, " "))
end

local function frame(top, height, title, most)
  put('<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#d0d7de"/>', LEFT, top, WIDTH - LEFT - RIGHT, height)
  text(LEFT, top - 6, title)
  text(LEFT - 6, top + 10, most, "end")
  text(LEFT - 6, top + height, "0", "end")
end

local HEIGHT = 340 + 24 * #order
put('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">', WIDTH, HEIGHT)
put('<rect width="%d" height="%d" fill="#ffffff"/>', WIDTH, HEIGHT)
frame(24, 130, "Mixed week: load (grey) and what the machine may use for ever (blue), CPUs", "0.5")
steps(24, 130, 0.5, "#57606a", function(hour) return hour.load end)
steps(24, 130, 0.5, COLOURS.scaled, function(hour) return hour.cpus / 16 end)
frame(184, 90, "Lag, mean of the hour, ms", "500")
steps(184, 90, 500, "#cf222e", function(hour) return hour.lag end)
for day, name in ipairs {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} do text(x_of((day - 1) * 24) + 4, 288, name) end

local top, bar_left, unit = 330, LEFT + 60, 150
text(LEFT, top - 12, "Cost x lag of each scene, as a multiple of the best fixed size (bars end at 4): scaled (blue), 1, 2, 4, 8 CPUs")
for i, scene in ipairs(order) do
  local best = math.huge
  for _, size in ipairs(SIZES) do
    if size ~= "scaled" then best = math.min(best, scenes[scene][size]) end
  end
  local y = top + (i - 1) * 24
  text(bar_left - 8, y + 12, scene, "end")
  for k, size in ipairs(SIZES) do
    local ratio = scenes[scene][size] / best
    put('<rect x="%d" y="%.0f" width="%.1f" height="3" fill="%s"/>', bar_left, y + (k - 1) * 3.6, math.min(ratio, 4) * unit, COLOURS[size])
  end
  text(bar_left + 4 * unit + 10, y + 12, ("%.2f"):format(scenes[scene].scaled / best))
end
put('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#cf222e" stroke-dasharray="3 3"/>', bar_left + unit, bar_left + unit, top - 4, top + 24 * #order)
put "</svg>"
print(table.concat(out, "\n"))
