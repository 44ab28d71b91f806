/* The table `cloud_machines` of the local database: this machine as the cloud is told of it, which see machine.h.
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/errors.h"

typedef struct local_db local_db;

/* A JSON object with machine_id, region, status, cpus, memory_mb, started_at, stopped_at, error_message, updated_at; times in
 * ms. Replaces the machine's row. */
MUST_CHECK err machine_table_put(local_db *db, const char *json, diag *why);
