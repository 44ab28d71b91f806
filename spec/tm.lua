-- What every unit spec needs: the C library through FFI, declared by the very bytes that C compiled.
local ffi = require "ffi"

local M = {}

M.build = os.getenv("TRADEMIND_BUILD") or "build/release"
M.data = os.getenv("TRADEMIND_DATA") or "../shared/data"

local file = assert(io.open("src/abi.h"))
ffi.cdef(file:read("*a"))
file:close()

M.C = ffi.load(M.build .. "/libtrademind.so", true)

-- The seed of a random spec: from the environment, else drawn from the clock; printed, so that a failure can be repeated.
function M.seed(name)
  local seed = tonumber(os.getenv("TRADEMIND_SEED") or "") or os.time() % 2147483647
  io.stderr:write(("# %s: seed %d\n"):format(name, seed))
  return seed
end

-- Real klines are beside the project on some machines only; nil elsewhere, and the spec says so with `pending`.
function M.data_file(path)
  local handle = io.open(M.data .. "/" .. path)
  if handle then handle:close() end
  return handle and (M.data .. "/" .. path) or nil
end

return M
