local ffi = require "ffi"
local tm = require "spec.tm"

local DNS = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

local function uuid5(ns, name)
  local out = ffi.new("char[37]")
  local code = tm.C.uuid5(ns, name, #name, out)
  return code == 0 and ffi.string(out) or nil, code, ffi.string(out)
end

local function sha256(text)
  local out = ffi.new("char[65]")
  tm.C.sha256_hex(text, #text, out)
  return ffi.string(out)
end

describe("uuid5", function()
  it("gives the example of RFC 9562, appendix A.4", function()
    assert.equal("2ed6657d-e927-568b-95e1-2665a8aea6a2", uuid5(DNS, "www.example.com"))
  end)

  it("gives the values that other libraries print", function() -- Python's uuid.uuid5
    assert.equal("886313e1-3b8a-5372-9b90-0c9aee199e5d", uuid5(DNS, "python.org"))
    assert.equal("1b4db7eb-4057-5ddf-91e0-36dec72071f5", uuid5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", ""))
  end)

  it("takes the namespace in either case", function()
    assert.equal(uuid5(DNS, "a"), uuid5(DNS:upper(), "a"))
  end)

  it("hashes every byte of the name, zeros too", function()
    assert.not_equal(uuid5(DNS, "a\0b"), uuid5(DNS, "a\0c"))
    assert.not_equal(uuid5(DNS, "a"), uuid5(DNS, "a\0"))
  end)

  it("marks version 5 and the variant in names of any length", function()
    for length = 0, 200 do
      local id = uuid5(DNS, ("x"):rep(length))
      assert.truthy(id:match("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-5%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"), id)
    end
  end)

  it("refuses what is no UUID and leaves an empty text", function()
    local bad = { "", "6ba7b810", DNS .. "0", DNS:sub(1, 35), DNS:gsub("%-", ""), DNS:gsub("%-", "x"), DNS:gsub("6", "g"),
      "{" .. DNS .. "}", (" "):rep(36), ("-"):rep(36) }
    for _, ns in ipairs(bad) do
      local id, code, text = uuid5(ns, "a")
      assert.same({ nil, -1, "" }, { id, code, text }, ns)
    end
  end)
end)

describe("sha256_hex", function()
  it("gives the examples of FIPS 180", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256(""))
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256("abc"))
    assert.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", sha256(("a"):rep(1000000)))
  end)
end)
