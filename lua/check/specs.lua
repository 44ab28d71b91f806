--- Runs one spec file with busted, in a process of its own, and writes what came of it as JSON: see src/check/specs.c.
local cjson = require "cjson"

-- Where a test failed: the line of its assertion when that is in the spec, else where the test begins.
local function line_of(result, file)
  local trace, element = result.trace or {}, result.element and result.element.trace or {}
  if trace.source == "@" .. file and trace.currentline then return trace.currentline end
  if element.currentline then return element.currentline end
  local message = type(result.message) == "string" and result.message or ""
  return tonumber(message:match "^[^\n]-:(%d+):") or 1
end

local function plain(result, file)
  local message = result.message
  if type(message) ~= "string" then message = message == nil and "an error without a text" or tostring(message) end
  return {name = result.name or "", line = line_of(result, file), message = message}
end

--- @param file spec @param library folder that holds trademind/spec.lua; "" when there is none @param results path to write to
return function(file, library, results)
  local function tell(answer)
    local out = assert(io.open(results, "w"))
    out:write(cjson.encode(answer))
    out:close()
  end
  if library ~= "" then package.path = library .. "/?.lua;" .. package.path end
  local has_busted, runner = pcall(require, "busted.runner")
  if not has_busted then return tell {missing = "busted"} end
  package.preload.trademind_results = function()
    return function()
      local busted = require "busted"
      local handler = require "busted.outputHandlers.base"()
      busted.subscribe({"suite", "end"}, function()
        local failures = {}
        for _, list in ipairs {handler.failures, handler.errors} do
          for _, result in ipairs(list) do failures[#failures + 1] = plain(result, file) end
        end
        tell {passed = #handler.successes, pending = #handler.pendings, failures = #failures > 0 and failures or cjson.null}
        return nil, true
      end)
      return handler
    end
  end
  arg = {[0] = "busted", "-o", "trademind_results", file} -- luacheck: globals arg
  runner {standalone = false}
end
