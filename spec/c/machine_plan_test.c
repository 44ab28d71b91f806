/* Names, warnings and bodies of a user's machine. */
#include "provision/machine_plan.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>

#define USER "6F2D1C1E-0000-4000-8000-00000000000A"

int main(void) {
    machine_plan p;
    diag why;
    ok(machine_plan_make(USER, "", "", 1, "sin,iad,fra", &p, &why) == OK && p.is_own_app &&
           strcmp(p.region, "sin") == 0 &&
           strcmp(p.app, "trademind-screener-6f2d1c1e-0000-4000-8000-00000000000a") == 0 && p.memory_mb == 256,
       "an app for the user alone: %s", p.app);
    ok(machine_plan_make(USER, "mine", "fra", 8, "sin,iad,fra", &p, &why) == OK && !p.is_own_app && p.memory_mb == 2048,
       "one that is named");
    static const struct {
        const char *user, *app, *region;
        long cpus;
    } bad[] = {{"", "", "", 1},          {"ann", "", "", 1},   {USER "0", "", "", 1}, {USER, "", "si", 1},
               {USER, "", "sin,iad", 1}, {USER, "", "SIN", 1}, {USER, "", "", 0},     {USER, "", "", 3},
               {USER, "", "", 16},       {USER, "-a", "", 1},  {USER, "a-", "", 1},   {USER, "a/b", "", 1},
               {USER, "A", "", 1},       {USER, "a b", "", 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(machine_plan_make(bad[i].user, bad[i].app, bad[i].region, bad[i].cpus, "sin,iad,fra", &p, &why) ==
               ERR_INVALID,
           "refused: %s", why.text);
    ok(machine_plan_warning("iad") && !machine_plan_warning("sin") && !machine_plan_warning("fra"),
       "a warning for the United States");
    char url[PLAN_URL_BYTES];
    machine_plan_health_url("a", "", url);
    ok(strcmp(url, "https://a.fly.dev/health") == 0, "%s", url);
    char *secrets = machine_plan_secrets_body("sb_secret_x", "");
    ok(secrets && strcmp(secrets, "{\"values\":{\"SUPABASE_SERVICE_KEY\":\"sb_secret_x\",\"SUPABASE_SERVICE_KEY_B64\":"
                                  "\"c2Jfc2VjcmV0X3g=\"}}") == 0,
       "%s", secrets);
    free(secrets);
    return done();
}
