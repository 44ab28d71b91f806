--- Raises an error that names the line of the spec, however deep in here it was found out.
local HERE = debug.getinfo(1, "S").source:match "^@(.*/)[^/]*$" or ""

return function(message)
  for level = 2, 40 do
    local info = debug.getinfo(level, "Sl")
    if not info then break end
    local is_ours = info.source:sub(1, #HERE + 1) == "@" .. HERE
    if info.currentline > 0 and not is_ours then error(("%s:%d: %s"):format(info.short_src, info.currentline, message), 0) end
  end
  error(message, 0)
end
