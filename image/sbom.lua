-- The list of what an image consists of, as SPDX 2.3 in JSON: Debian's packages from dpkg's own list, npm's from the lock files.
--
--   lua5.1 image/sbom.lua EPOCH RUNTIME_STATUS BUILD_STATUS LOCK... >sbom.spdx.json
--
-- Packages of RUNTIME_STATUS are contained in the image. Those that BUILD_STATUS has besides have made it. What a lock file
-- names has tested it; that of web/ what the page consists of and is made with. Same input, same bytes: everything is sorted, the time is given.
local cjson = require "cjson"

local M = {}

local function fail(...) error(string.format(...), 0) end

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then fail("%s", why) end
  local text = file:read "*a"
  file:close()
  return text
end

--- Installed packages of a dpkg status file: {name, version, architecture, source, source_version, homepage}, sorted by name.
function M.debian_packages(text)
  local packages = {}
  for paragraph in (text .. "\n\n"):gmatch "(.-)\n\n+" do
    local field = {}
    for name, value in ("\n" .. paragraph):gmatch "\n([%w-]+): ([^\n]*)" do field[name] = value end
    if field.Status == "install ok installed" then
      local source, version = (field.Source or field.Package):match "^(%S+)%s*%(?([^)]*)"
      packages[#packages + 1] = {
        name = field.Package, version = field.Version, architecture = field.Architecture, homepage = field.Homepage,
        source = source, source_version = version ~= "" and version or field.Version,
      }
    end
  end
  if #packages == 0 then fail "no installed package in dpkg's list" end
  table.sort(packages, function(a, b) return a.name .. a.architecture < b.name .. b.architecture end)
  return packages
end

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Base64 as lower-case hexadecimal digits.
function M.hex_of_base64(text)
  local bits, n_bits, out = 0, 0, {}
  for letter in text:gmatch "[^=]" do
    local place = BASE64:find(letter, 1, true)
    if not place then fail("%q is no base64", text) end
    bits, n_bits = bits * 64 + place - 1, n_bits + 6
    if n_bits >= 8 then
      n_bits = n_bits - 8
      local byte = math.floor(bits / 2 ^ n_bits)
      out[#out + 1], bits = ("%02x"):format(byte), bits - byte * 2 ^ n_bits
    end
  end
  return table.concat(out)
end

--- Packages of an npm lock file (version 3): {name, version, licence, url, sha512, is_tool}, sorted by name and version.
function M.npm_packages(text)
  local lock = cjson.decode(text)
  if lock.lockfileVersion ~= 3 then fail("a lock file of version %s; expected 3", tostring(lock.lockfileVersion)) end
  local packages, seen = {}, {}
  for path, entry in pairs(lock.packages) do
    local name = path:match ".*node_modules/(.+)$"
    local key = name and name .. "@" .. tostring(entry.version)
    if name and not seen[key] then
      local sum = (entry.integrity or ""):match "sha512%-(%S+)"
      if not sum then fail("%s has no sha512 in its lock file", key) end
      seen[key] = true
      packages[#packages + 1] = {
        name = name, version = entry.version, licence = type(entry.license) == "string" and entry.license or nil,
        url = entry.resolved, sha512 = M.hex_of_base64(sum), is_tool = entry.dev == true,
      }
    end
  end
  table.sort(packages, function(a, b) return a.name .. "@" .. a.version < b.name .. "@" .. b.version end)
  return packages
end

local function encoded(text) return (text:gsub("[^%w._~/-]", function(c) return ("%%%02X"):format(c:byte()) end)) end

local function id_of(kind, name, version)
  return "SPDXRef-" .. kind .. "-" .. (name .. "-" .. version):gsub("[^%w.-]", "-")
end

local function purl(locator)
  return {{referenceCategory = "PACKAGE-MANAGER", referenceType = "purl", referenceLocator = locator}}
end

local function debian_entry(p)
  return {
    SPDXID = id_of("deb", p.name, p.version), name = p.name, versionInfo = p.version,
    supplier = "Organization: Debian", homepage = p.homepage, filesAnalyzed = false,
    downloadLocation = "NOASSERTION", licenseConcluded = "NOASSERTION", licenseDeclared = "NOASSERTION",
    licenseComments = ("see /usr/share/doc/%s/copyright"):format(p.name), copyrightText = "NOASSERTION",
    sourceInfo = ("Debian source package %s %s"):format(p.source, p.source_version),
    externalRefs = purl(("pkg:deb/debian/%s@%s?arch=%s&distro=bookworm"):format(encoded(p.name), encoded(p.version), p.architecture)),
  }
end

local function npm_entry(p)
  return {
    SPDXID = id_of("npm", p.name, p.version), name = p.name, versionInfo = p.version, filesAnalyzed = false,
    downloadLocation = p.url or "NOASSERTION", licenseConcluded = "NOASSERTION", licenseDeclared = p.licence or "NOASSERTION",
    copyrightText = "NOASSERTION", checksums = {{algorithm = "SHA512", checksumValue = p.sha512}},
    externalRefs = purl(("pkg:npm/%s@%s"):format(encoded(p.name), encoded(p.version))),
  }
end

local ROOT = "SPDXRef-image"

--- The document. `locks` is a list of {path, text}; `epoch` in seconds since 1970.
function M.document(epoch, runtime, build, locks)
  local packages, relations, seen = {}, {}, {}
  packages[1] = {
    SPDXID = ROOT, name = "trademind", versionInfo = "0.1.0", filesAnalyzed = false, downloadLocation = "NOASSERTION",
    licenseConcluded = "MIT", licenseDeclared = "MIT", copyrightText = "NOASSERTION", primaryPackagePurpose = "CONTAINER",
  }
  relations[1] = {spdxElementId = "SPDXRef-DOCUMENT", relationshipType = "DESCRIBES", relatedSpdxElement = ROOT}
  local function add(entry, from, kind, to)
    if seen[entry.SPDXID] then return end
    seen[entry.SPDXID] = true
    packages[#packages + 1] = entry
    relations[#relations + 1] = {spdxElementId = from or entry.SPDXID, relationshipType = kind, relatedSpdxElement = to or entry.SPDXID}
  end
  for _, p in ipairs(runtime) do add(debian_entry(p), ROOT, "CONTAINS") end
  for _, p in ipairs(build) do add(debian_entry(p), nil, "BUILD_TOOL_OF", ROOT) end
  for _, lock in ipairs(locks) do
    local is_page = lock.path:match "^web/" ~= nil
    for _, p in ipairs(M.npm_packages(lock.text)) do
      if not is_page then
        add(npm_entry(p), nil, "TEST_TOOL_OF", ROOT)
      elseif p.is_tool then
        add(npm_entry(p), nil, "BUILD_TOOL_OF", ROOT)
      else
        add(npm_entry(p), ROOT, "CONTAINS")
      end
    end
  end
  return {
    spdxVersion = "SPDX-2.3", dataLicense = "CC0-1.0", SPDXID = "SPDXRef-DOCUMENT", name = "trademind image",
    documentNamespace = ("https://spdx.org/spdxdocs/trademind-%d"):format(epoch),
    creationInfo = {created = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch), creators = {"Tool: image/sbom.lua"}},
    packages = packages, relationships = relations,
  }
end

local function written(value, out)
  if type(value) ~= "table" then
    out[#out + 1] = (cjson.encode(value):gsub("\\/", "/"))
  elseif #value > 0 then
    for i, item in ipairs(value) do
      out[#out + 1] = i == 1 and "[\n" or ",\n"
      written(item, out)
    end
    out[#out + 1] = "]"
  else
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    for i, key in ipairs(keys) do
      out[#out + 1] = (i == 1 and "{" or ", ") .. cjson.encode(key) .. ": "
      written(value[key], out)
    end
    out[#out + 1] = "}"
  end
  return out
end

--- JSON with sorted keys, an element of a list on a line.
function M.json(value) return table.concat(written(value, {})) .. "\n" end

function M.main(epoch, runtime, build, ...)
  local seconds, locks = tonumber(epoch), {}
  if not (seconds and runtime and build) then fail "usage: sbom.lua EPOCH RUNTIME_STATUS BUILD_STATUS LOCK..." end
  for _, path in ipairs {...} do locks[#locks + 1] = {path = path, text = read(path)} end
  io.write(M.json(M.document(seconds, M.debian_packages(read(runtime)), M.debian_packages(read(build)), locks)))
end

if arg and arg[0] and arg[0]:match "sbom%.lua$" then M.main(...) end

return M
