-- The sandbox's own quoting of texts against lua-cjson.
local cjson = require "cjson"
local quote = dofile "lua/stdlib/quote.lua"

describe("quote.text", function()
  it("writes every byte as lua-cjson does", function()
    for n = 0, 255 do
      local text = "a" .. string.char(n) .. "b"
      assert.equal(cjson.encode(text), quote.text(text))
    end
  end)

  it("writes texts of any bytes as lua-cjson does", function()
    local seed = tonumber(os.getenv "TRADEMIND_SEED") or os.time()
    print("# seed " .. seed)
    math.randomseed(seed)
    for _ = 1, 2000 do
      local bytes = {}
      for i = 1, math.random(0, 40) do bytes[i] = string.char(math.random(0, math.random(0, 255))) end
      local text = table.concat(bytes)
      assert.equal(cjson.encode(text), quote.text(text))
    end
  end)
end)
