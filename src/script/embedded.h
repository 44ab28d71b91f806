/* The Lua texts that the executable carries: `src/abi.h` for ffi.cdef and every file of `lua/stdlib/`, under their base
 * names ("abi.h", "ta.lua"), and the files of `lua/check/` and `lua/template/` under those of their folder as well
 * ("check/lint.lua"). The build makes embedded.c of them (cmake/embed.cmake), so the program needs no file
 * beside it and can never run with a standard library of another version.
 * Threads: constants. */
#pragma once

struct embedded_file {
    const char *name;
    const char *text; /* zero-terminated */
    size_t bytes;     /* without the zero */
};

extern const struct embedded_file embedded_files[];
extern const size_t n_embedded_files;
