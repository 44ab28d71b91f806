/* `trademind import`: traders from files into Supabase or a SQLite file. */
#include "cli/transfer.h"

static const option OPTIONS[] = {
    {"from", "PLACE", "a folder, a FILE.db, or supabase (default: TRADERS_DIR)"},
    {"to", "PLACE", "a folder, a FILE.db, or supabase (default: supabase, in cloud mode)"},
    TRANSFER_OPTIONS,
};

static int run_import(int argc, char *const *argv) {
    transfer t = {0};
    return transfer_run(&t, &IMPORT_VERB, argc, argv, true);
}

const verb IMPORT_VERB = {
    .name = "import",
    .summary = "traders from files into Supabase or a SQLite file",
    .usage = "[NAME...] [options]",
    .details =
        "Each trader is compiled first; one that does not compile is refused and the others go on. What is there "
        "already, by its id, its file's name or its name, is updated where it differs, but whether it runs, and "
        "where, stays as it is. New ones are enabled and let into the cloud.\n"
        "A script is the same text in all places; the values of its inputs go with it. Traders in other languages "
        "than Lua are skipped.",
    .options = OPTIONS,
    .run = run_import,
};
