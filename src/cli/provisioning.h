/* What `provision` and `provisioner` share: the configuration that both need. */
#pragma once
#include "cli/settings.h"
#include "provision/provision.h"

/* With `user` as USER_ID, which the cloud's settings want. ERR_INVALID: Supabase or the token of Fly is missing. */
MUST_CHECK err provisioning_load(settings *s, const char *user, config *cfg, diag *why);
/* Borrows from the configuration. */
void provisioning_context(const config *cfg, provision_context *out);
