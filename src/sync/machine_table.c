#include "sync/machine_table.h"
#include "sync/local_db_body.h"

static const char PUT[] =
    "INSERT OR REPLACE INTO cloud_machines (machine_id, user_id, region, status, cpus, memory_mb, started_at, "
    "stopped_at,"
    " error_message, updated_at) SELECT j ->> 'machine_id', ?2, j ->> 'region', j ->> 'status', j ->> 'cpus', j ->> "
    "'memory_mb',"
    " j ->> 'started_at', j ->> 'stopped_at', j ->> 'error_message', j ->> 'updated_at' FROM (SELECT ?1 AS j)";

err machine_table_put(local_db *db, const char *json, diag *why) {
    sqlite3_stmt *put = NULL;
    if (sqlite3_prepare_v2(db->handle, PUT, -1, &put, NULL) != SQLITE_OK) return local_db_fail(db, why, "write to it");
    bind_text(put, 1, json);
    bind_text(put, 2, db->user_id);
    err failed = local_db_run(db, put, why);
    sqlite3_finalize(put);
    return failed;
}
