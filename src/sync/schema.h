/* The schema of the local database as numbered migrations: number n brings `PRAGMA user_version` from n - 1 to n.
 * A migration that has been released is never edited; a change is a new one at the end. Pure data. */
#pragma once

extern const char *const schema_migrations[];
extern const int schema_version; /* the number of migrations */
