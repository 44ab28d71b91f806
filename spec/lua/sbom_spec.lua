-- builds: release
-- The list of what an image consists of: what dpkg and npm say is in it, once each, in the same bytes every time.
local sbom = require "image.sbom"
local cjson = require "cjson"

local RUNTIME = [[
Package: libuv1
Status: install ok installed
Architecture: amd64
Version: 1.44.2-1
Homepage: https://libuv.org
Description: asynchronous event notification library
 a line that goes on
 Version: no field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libstdc++6
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+deb12u1
]]
local BUILD = RUNTIME .. "\nPackage: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4:12.2.0-3\n"
local LOCK = cjson.encode {
  lockfileVersion = 3,
  packages = {
    [""] = {name = "x"},
    ["node_modules/a"] = {version = "1.0.0", license = "MIT", integrity = "sha512-AAEC/w==", resolved = "https://r/a.tgz"},
    ["node_modules/b/node_modules/a"] = {version = "1.0.0", license = "MIT", integrity = "sha512-AAEC/w=="},
    ["node_modules/@s/b"] = {version = "2.0.0", dev = true, integrity = "sha512-AAEC/w=="},
  },
}

local function document(lock_path)
  return sbom.document(86400, sbom.debian_packages(RUNTIME), sbom.debian_packages(BUILD), {{path = lock_path, text = LOCK}})
end

-- "relation name version" of all packages.
local function relations(doc)
  local by_id, found = {}, {}
  for _, p in ipairs(doc.packages) do
    assert.is_nil(by_id[p.SPDXID], p.SPDXID)
    by_id[p.SPDXID] = p
  end
  for _, r in ipairs(doc.relationships) do
    local other = r.spdxElementId == "SPDXRef-image" and r.relatedSpdxElement or r.spdxElementId
    local p = by_id[other]
    if p then found[#found + 1] = ("%s %s %s"):format(r.relationshipType, p.name, p.versionInfo) end
  end
  return found
end

describe("the list of an image", function()
  it("has what is installed, what has made it, and what has tested it", function()
    assert.same({
      "CONTAINS libstdc++6 12.2.0-14+deb12u1", "CONTAINS libuv1 1.44.2-1", "BUILD_TOOL_OF gcc 4:12.2.0-3",
      "TEST_TOOL_OF @s/b 2.0.0", "TEST_TOOL_OF a 1.0.0",
    }, relations(document "spec/package-lock.json"))
  end)

  it("tells what the page consists of from what it is made with", function()
    local found = relations(document "web/package-lock.json")
    assert.same({"BUILD_TOOL_OF @s/b 2.0.0", "CONTAINS a 1.0.0"}, {found[4], found[5]})
  end)

  it("names packages so that scanners find them", function()
    local doc = document "spec/package-lock.json"
    local locators = {}
    for _, p in ipairs(doc.packages) do
      if p.externalRefs then locators[#locators + 1] = p.externalRefs[1].referenceLocator end
      assert.matches("^SPDXRef%-[%w.-]+$", p.SPDXID)
    end
    assert.same({
      "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm", "pkg:deb/debian/libuv1@1.44.2-1?arch=amd64&distro=bookworm",
      "pkg:deb/debian/gcc@4%3A12.2.0-3?arch=amd64&distro=bookworm", "pkg:npm/%40s/b@2.0.0", "pkg:npm/a@1.0.0",
    }, locators)
    assert.equal("000102ff", doc.packages[6].checksums[1].checksumValue)
    assert.equal("Debian source package gcc-12 12.2.0-14", doc.packages[2].sourceInfo)
    assert.equal("1970-01-02T00:00:00Z", doc.creationInfo.created)
  end)

  it("is JSON, and the same bytes each time", function()
    local text = sbom.json(document "spec/package-lock.json")
    assert.equal(text, sbom.json(document "spec/package-lock.json"))
    assert.same(document "spec/package-lock.json", cjson.decode(text))
  end)

  it("refuses what it cannot vouch for", function()
    assert.has_error(function() sbom.debian_packages "" end, "no installed package in dpkg's list")
    assert.has_error(function() sbom.npm_packages '{"lockfileVersion": 1}' end, "a lock file of version 1; expected 3")
    assert.has_error(function() sbom.npm_packages '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1"}}}' end,
      "a@1 has no sha512 in its lock file")
    assert.has_error(function() sbom.hex_of_base64 "a*" end, '"a*" is no base64')
  end)
end)
