--- SHA-1, SHA-256 and version 5 UUIDs in plain Lua, after FIPS 180-4 and RFC 9562: for a check that must share nothing
-- with what it checks.
local bit = require "bit"
local band, bnot, bor, bxor, rol, ror, rshift, tobit = bit.band, bit.bnot, bit.bor, bit.bxor, bit.rol, bit.ror, bit.rshift, bit.tobit
local byte, char, rep = string.byte, string.char, string.rep

local M = {}

local function big_endian(word) return char(band(rshift(word, 24), 255), band(rshift(word, 16), 255), band(rshift(word, 8), 255), band(word, 255)) end

local function padded(text)
  local bits = #text * 8
  return text .. "\128" .. rep("\0", (55 - #text) % 64) .. big_endian(tobit(math.floor(bits / 2 ^ 32))) .. big_endian(tobit(bits % 2 ^ 32))
end

local function words_of(text, at)
  local w = {}
  for i = 0, 15 do
    local a, b, c, d = byte(text, at + 4 * i, at + 4 * i + 3)
    w[i] = tobit(a * 2 ^ 24 + b * 2 ^ 16 + c * 2 ^ 8 + d)
  end
  return w
end

local function joined(state)
  local parts = {}
  for i, word in ipairs(state) do parts[i] = big_endian(word) end
  return table.concat(parts)
end

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(byte(c)) end)) end

--- 20 bytes.
function M.sha1(text)
  local h = {0x67452301, tobit(0xefcdab89), tobit(0x98badcfe), 0x10325476, tobit(0xc3d2e1f0)}
  text = padded(text)
  for at = 1, #text, 64 do
    local w = words_of(text, at)
    for i = 16, 79 do w[i] = rol(bxor(w[i - 3], w[i - 8], w[i - 14], w[i - 16]), 1) end
    local a, b, c, d, e = unpack(h)
    for i = 0, 79 do
      local f, k
      if i < 20 then f, k = bor(band(b, c), band(bnot(b), d)), 0x5a827999
      elseif i < 40 then f, k = bxor(b, c, d), 0x6ed9eba1
      elseif i < 60 then f, k = bor(band(b, c), band(b, d), band(c, d)), 0x8f1bbcdc
      else f, k = bxor(b, c, d), 0xca62c1d6 end
      a, b, c, d, e = tobit(rol(a, 5) + f + e + tobit(k) + w[i]), a, rol(b, 30), c, d
    end
    for i, v in ipairs {a, b, c, d, e} do h[i] = tobit(h[i] + v) end
  end
  return joined(h)
end

-- The first 32 bits of the fractional part of x, which needs more digits than a double has for cube roots: by integers.
local function fraction_bits(prime, root)
  local whole = math.floor(prime ^ (1 / root) + 1e-9)
  local low, high = 0, 2 ^ 32
  local function is_below(bits) -- (whole + bits / 2^32) ^ root <= prime, in two halves so that nothing is rounded
    local hi, lo = whole * 2 ^ 16 + math.floor(bits / 2 ^ 16), bits % 2 ^ 16
    local digits = {lo, hi % 2 ^ 16, math.floor(hi / 2 ^ 16)} -- base 2^16, little endian
    local power = digits
    for _ = 2, root do
      local product = {}
      for i, a in ipairs(power) do
        for k, b in ipairs(digits) do product[i + k - 1] = (product[i + k - 1] or 0) + a * b end
      end
      local carry = 0
      for i = 1, #product do
        local sum = product[i] + carry
        product[i] = sum % 2 ^ 16
        carry = math.floor(sum / 2 ^ 16)
      end
      while carry > 0 do
        product[#product + 1] = carry % 2 ^ 16
        carry = math.floor(carry / 2 ^ 16)
      end
      power = product
    end
    local value = 0
    for i = #power, 2 * root + 1, -1 do value = value * 2 ^ 16 + power[i] end
    return value < prime
  end
  while high - low > 1 do
    local middle = (low + high) / 2
    if is_below(middle) then low = middle else high = middle end
  end
  return tobit(low)
end

local primes = {}
do
  local n = 2
  while #primes < 64 do
    local is_prime = true
    for _, p in ipairs(primes) do is_prime = is_prime and n % p ~= 0 end
    if is_prime then primes[#primes + 1] = n end
    n = n + 1
  end
end
local K, H = {}, {}
for i, p in ipairs(primes) do K[i - 1] = fraction_bits(p, 3) end
for i = 1, 8 do H[i] = fraction_bits(primes[i], 2) end

--- 64 hex digits.
function M.sha256(text)
  local h = {unpack(H)}
  text = padded(text)
  for at = 1, #text, 64 do
    local w = words_of(text, at)
    for i = 16, 63 do
      local x, y = w[i - 15], w[i - 2]
      w[i] = tobit(w[i - 16] + bxor(ror(x, 7), ror(x, 18), rshift(x, 3)) + w[i - 7] + bxor(ror(y, 17), ror(y, 19), rshift(y, 10)))
    end
    local a, b, c, d, e, f, g, z = unpack(h)
    for i = 0, 63 do
      local t1 = tobit(z + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(band(e, f), band(bnot(e), g)) + K[i] + w[i])
      local t2 = tobit(bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(a, c), band(b, c)))
      a, b, c, d, e, f, g, z = tobit(t1 + t2), a, b, c, tobit(d + t1), e, f, g
    end
    for i, v in ipairs {a, b, c, d, e, f, g, z} do h[i] = tobit(h[i] + v) end
  end
  return hex(joined(h))
end

--- Of a name in a namespace (text form).
function M.uuid5(namespace, name)
  local ns = namespace:gsub("%-", ""):gsub("%x%x", function(digits) return char(tonumber(digits, 16)) end)
  local bytes = M.sha1(ns .. name)
  local seventh, ninth = band(byte(bytes, 7), 0x0f) + 0x50, band(byte(bytes, 9), 0x3f) + 0x80
  local digits = hex(bytes:sub(1, 6) .. char(seventh) .. bytes:sub(8, 8) .. char(ninth) .. bytes:sub(10, 16))
  return (digits:gsub("^(" .. rep("%x", 8) .. ")(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

return M
