--- An error that points at the line of the script, however many frames of the standard library lie between.
--
-- Levels would have to be counted at each place, and a tail call changes them. After `return ta.crossover(...)` the
-- script has no frame left; then there is no place, and C puts the filter's in front.
local getinfo, error = debug.getinfo, error

--- @param message sentence, without a place
return function(message)
  local level = 2
  local frame = getinfo(level, "Sl")
  while frame and (frame.what == "C" or frame.source:find "^=stdlib/") do
    level = level + 1
    frame = getinfo(level, "Sl")
  end
  if frame and frame.currentline > 0 then message = ("%s:%d: %s"):format(frame.source:sub(2), frame.currentline, message) end
  error(message, 0)
end
