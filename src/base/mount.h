/* Where a path is mounted, read from /proc/self/mountinfo: does what is written there outlast the machine or container that
 * this process runs in? Pure. */
#pragma once

/* True unless the file system that holds `path` is known to end with its container or machine: a container's own layer
 * (overlay), memory (tmpfs, ramfs), a volume of docker without a name, or, where `resets_root`, the root file system itself.
 * `mountinfo` is the text of that file; `path` is absolute, without links. */
bool mount_is_lasting(const char *mountinfo, const char *path, bool resets_root);

/* The same, for this process and a path that exists; true also when it cannot be found out. */
bool mount_is_lasting_here(const char *path, bool resets_root);
