-- What comes to a Unix datagram socket, as systemd would hear it; Node has none. Prints a line of JSON for each datagram:
-- {"text": "...", "pid": 123}. `luajit spec/system/datagrams.lua PATH`; a PATH that begins with @ is an abstract name.
local ffi = require "ffi"

ffi.cdef [[
struct sockaddr_un { uint16_t family; char path[108]; };
int socket(int domain, int type, int protocol);
int bind(int fd, const struct sockaddr_un *address, uint32_t bytes);
ssize_t recv(int fd, void *buffer, size_t bytes, int flags);
]]

local AF_UNIX, SOCK_DGRAM = 1, 2
local path = assert(arg[1], "a path")
local address = ffi.new("struct sockaddr_un", {family = AF_UNIX})
ffi.copy(address.path, path)
if path:sub(1, 1) == "@" then address.path[0] = 0 end
local fd = ffi.C.socket(AF_UNIX, SOCK_DGRAM, 0)
assert(fd >= 0 and ffi.C.bind(fd, address, 2 + #path + (path:sub(1, 1) == "@" and 0 or 1)) == 0, "bind")
print '{"text": "listening"}'
io.stdout:flush()
local buffer = ffi.new("char[?]", 4096)
while true do
  local bytes = ffi.C.recv(fd, buffer, 4096, 0)
  if bytes < 0 then break end
  local text = ffi.string(buffer, bytes)
  print(('{"text": "%s"}'):format(text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n")))
  io.stdout:flush()
end
