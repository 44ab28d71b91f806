/* DATA_DIR: the folder of everything that this machine keeps, and the lock that lets one daemon at a time have it.
 * Threads: any. */
#pragma once
#include "base/errors.h"

/* Makes the folder and its parents (mode 0700: it holds the token) unless it is there. ERR_IO and a sentence. */
MUST_CHECK err data_folder_make(const char *folder, diag *why);

/* Holds FOLDER/lock until it is released or the process ends, however it ends. ERR_EXISTS, naming the process, when
 * another one holds it; ERR_IO. */
MUST_CHECK err data_folder_acquire(const char *folder, int *lock, diag *why);
void data_folder_release(int lock); /* -1 is ignored */
