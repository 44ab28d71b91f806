-- src/abi.h is read by two compilers: C and LuaJIT's ffi.cdef. They must see the same sizes, offsets and symbols.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local tm = require "spec.tm"

local file = assert(io.open "src/abi.h")
local text = file:read "*a"
file:close()
local code = text:gsub("/%*.-%*/", ""):gsub("#[^\n]*", "")

-- struct name -> list of fields, in order.
local function structs()
  local found = {}
  for body, name in code:gmatch "typedef%s+struct%s+[%w_]+%s*(%b{})%s*([%w_]+)%s*;" do
    local fields = {}
    for declaration in body:sub(2, -2):gmatch "([^;]+);" do
      for part in declaration:gmatch "[^,]+" do
        fields[#fields + 1] = part:match "([%w_]+)%s*%[" or part:match "([%w_]+)%s*$"
      end
    end
    found[name] = fields
  end
  return found
end

local function functions()
  local found = {}
  for name in code:gsub("typedef.-;", ""):gsub("%b{}", ""):gmatch "([%w_]+)%s*%b()%s*;" do found[#found + 1] = name end
  return found
end

describe("abi.h", function()
  it("has the same layout in C and in LuaJIT", function()
    local all, lines, expected = structs(), {}, {}
    local names = {}
    for name in pairs(all) do names[#names + 1] = name end
    table.sort(names)
    assert.is_true(#names >= 3)
    for _, name in ipairs(names) do
      lines[#lines + 1] = ('printf("%s %%zu\\n", sizeof(%s));'):format(name, name)
      expected[#expected + 1] = ("%s %d"):format(name, ffi.sizeof(name))
      for _, field in ipairs(all[name]) do
        lines[#lines + 1] = ('printf("%s.%s %%zu\\n", offsetof(%s, %s));'):format(name, field, name, field)
        expected[#expected + 1] = ("%s.%s %d"):format(name, field, ffi.offsetof(name, field))
      end
    end
    local stem = os.tmpname()
    local source = assert(io.open(stem .. ".c", "w"))
    source:write('#include <stdint.h>\n#include <stddef.h>\n#include <stdbool.h>\n#include <stdio.h>\n#include "src/abi.h"\nint main(void) {\n',
      table.concat(lines, "\n"), "\nreturn 0;\n}\n")
    source:close()
    local pipe = io.popen(("LD_PRELOAD= cc -I. -o '%s.out' '%s.c' && LD_PRELOAD= '%s.out'"):format(stem, stem, stem))
    local printed = pipe:read "*a"
    pipe:close()
    for _, suffix in ipairs {"", ".c", ".out"} do os.remove(stem .. suffix) end
    assert.equal(table.concat(expected, "\n") .. "\n", printed)
  end)

  it("declares nothing that the library lacks", function()
    local names = functions()
    assert.is_true(#names >= 20)
    for _, name in ipairs(names) do
      assert.is_true(pcall(function() return tm.C[name] end), name .. " is declared, but not exported")
    end
  end)

  it("is all that the library exports", function()
    local declared = {}
    for _, name in ipairs(functions()) do declared[name] = true end
    local pipe = io.popen("LD_PRELOAD= nm -D --defined-only '" .. tm.build .. "/libtrademind.so'")
    for line in pipe:lines() do
      local kind, name = line:match "^%x+ (%a) ([%w_]+)"
      -- __start_ and __stop_ of a section are the linker's own.
      if kind == "T" and not name:find "^__" then assert.is_true(declared[name] == true, tostring(name) .. " is exported, but not in abi.h") end
    end
    pipe:close()
  end)
end)
