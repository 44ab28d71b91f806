/* What the scaler remembers beyond a restart of the machine, in DATA_DIR/scale.json: its history, and a change of size that was
 * under way. Written aside, synced and renamed: a crash leaves the whole of one version.
 * Threads: pure but for the file. */
#pragma once
#include "scale/fly_machines.h"
#include "scale/scaler.h"

typedef struct scale_record {
    scaler_history history;
    char nonce[FLY_NONCE_BYTES]; /* of the lease that is held; "": nothing is under way */
    scaler_size before, target;  /* of the change under way; cpus 0: none */
} scale_record;

/* ERR_NOT_FOUND: there is none; ERR_DAMAGED: it is to be begun anew; ERR_IO. */
MUST_CHECK err scale_record_read(const char *folder, scale_record *out);
MUST_CHECK err scale_record_write(const char *folder, const scale_record *record);
