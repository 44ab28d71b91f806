#include "sync/data_folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

err data_folder_make(const char *folder, diag *why) {
    char path[PATH_BYTES];
    if (!folder[0] || strlen(folder) >= sizeof path)
        return diag_set(why, ERR_INVALID, "DATA_DIR is %s; expected the path of a folder",
                        folder[0] ? "too long" : "empty");
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return diag_set(why, ERR_IO,
                            "cannot make the data folder %s: %s (at %s); set DATA_DIR to a folder that can be written",
                            folder, strerror(errno), path);
        if (!slash) break;
        *slash = '/';
    }
    struct stat status;
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return diag_set(why, ERR_IO, "the data folder %s is no folder; set DATA_DIR to a folder that can be written",
                        folder);
    if (access(folder, W_OK | X_OK) != 0)
        return diag_set(why, ERR_IO,
                        "the data folder %s cannot be written: %s; set DATA_DIR to one that can, or change its owner",
                        folder, strerror(errno));
    return OK;
}

static err refuse_second(const char *folder, int fd, diag *why) {
    char pid[24] = "";
    ssize_t count = pread(fd, pid, sizeof pid - 1, 0);
    if (count > 0) pid[strcspn(pid, "\n")] = 0;
    return diag_set(why, ERR_EXISTS,
                    "another trademind (process %s) uses the data folder %s; stop it or set another DATA_DIR",
                    count > 0 ? pid : "unknown", folder);
}

/* The process id is for people; flock(2) is the lock, since the kernel drops it with the process. */
err data_folder_acquire(const char *folder, int *lock, diag *why) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return diag_set(why, ERR_IO, "cannot write %s: %s; set DATA_DIR to a folder that can be written", path,
                        strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err failed = errno == EWOULDBLOCK ? refuse_second(folder, fd, why)
                                          : diag_set(why, ERR_IO, "cannot lock %s: %s", path, strerror(errno));
        close(fd);
        return failed;
    }
    char pid[24];
    int bytes = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)bytes, 0) != bytes) {
        err failed = diag_set(why, ERR_IO, "cannot write %s: %s", path, strerror(errno));
        close(fd);
        return failed;
    }
    *lock = fd;
    return OK;
}

void data_folder_release(int lock) {
    if (lock >= 0) close(lock);
}
