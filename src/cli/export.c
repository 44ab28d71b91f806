/* `trademind export`: traders from Supabase or a SQLite file into files. */
#include "cli/transfer.h"

static const option OPTIONS[] = {
    {"from", "PLACE", "a folder, a FILE.db, or supabase (default: supabase, in cloud mode)"},
    {"to", "PLACE", "a folder, a FILE.db, or supabase (default: TRADERS_DIR)"},
    TRANSFER_OPTIONS,
};

static int run_export(int argc, char *const *argv) {
    transfer t = {0};
    return transfer_run(&t, &EXPORT_VERB, argc, argv, false);
}

const verb EXPORT_VERB = {
    .name = "export",
    .summary = "traders from Supabase or a SQLite file into files",
    .usage = "[NAME...] [options]",
    .details = "Writes NAME.lua, and NAME.json where inputs have values, named as the file that a trader was imported "
               "from, or else after its name. A file that is there and differs stays, unless --force is given.\n"
               "What a machine of the cloud ran last is in the table traders of DATA_DIR/trademind.db.",
    .options = OPTIONS,
    .run = run_export,
};
