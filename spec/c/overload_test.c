/* Pine's overloads: a number in place of the source is the first parameter, and the source the market's own high or low, of
 * the timeframe that is asked. And options of ta.ichimoku. */
#include "spec/c/scripts.h"
#include "spec/c/tap.h"

#define FILTER(body) \
    "return trader {name = \"x\", interval = \"5m\", timeframes = {\"1h\"}, filter = function(m)\n  " body "\nend}\n"

static const char *const SAME[] = {
    "return ta.highest(20)[0] == ta.highest(m.high, 20)[0] and ta.highest(20)[0] ~= ta.highest(m.close, 20)[0]",
    "return ta.lowest(20)[0] == ta.lowest(m.low, 20)[0] and ta.lowest(20)[0] ~= ta.lowest(m.close, 20)[0]",
    "return ta.highestbars(20)[0] == ta.highestbars(m.high, 20)[0]",
    "return ta.lowestbars(20)[0] == ta.lowestbars(m.low, 20)[0]",
    "local h = m[\"1h\"]\n  return h.ta.highest(20)[0] == ta.highest(h.high, 20)[0] and h.ta.highest(20)[0] ~= "
    "ta.highest(20)[0]",
    "local h = m[\"1h\"]\n  return h.ta.lowest(20)[0] == ta.lowest(h.low, 20)[0] and h.ta.lowest(h.close, 20)[0] == "
    "ta.lowest(h.close, 20)[0]",
    "local a, b = ta.pivothigh(3, 2), ta.pivothigh(m.high, 3, 2)\n  local n = 0\n  for i = 0, 200 do\n"
    "    if a[i] ~= b[i] and (a[i] == a[i] or b[i] == b[i]) then return false end\n    if a[i] == a[i] then n = n + 1 "
    "end\n  end\n"
    "  return n > 5",
    "local a, b = m[\"1h\"].ta.pivotlow(3, 2), ta.pivotlow(m[\"1h\"].low, 3, 2)\n  for i = 0, 200 do\n"
    "    if a[i] ~= b[i] and (a[i] == a[i] or b[i] == b[i]) then return false end\n  end\n  return true",
    "local now, drawn = ta.ichimoku(), ta.ichimoku(9, 26, 52, {displaced = true})\n"
    "  return drawn.span_a[0] == now.span_a[25] and drawn.span_b[3] == now.span_b[28] and drawn.base[0] == now.base[0]"
    " and drawn.lagging[0] == m.close[0]",
    "return ta.ichimoku().span_a[0] == ta.ichimoku(9, 26, 52, {displaced = false}).span_a[0]",
    "return ta.dmi().adx[0] == ta.dmi(14, 14).adx[0] and ta.aroon().up[0] == ta.aroon(14).up[0] and ta.sar()[0] == "
    "ta.sar(0.02, 0.02, 0.2)[0]",
    "return ta.kc(m.close).upper[0] == ta.kc(m.close, 20, 2, true).upper[0] and ta.tr()[0] == ta.tr(false)[0]",
};

static const char *const MISTAKES[][2] = {
    {"return ta.highest()[0] > 1", "t.lua:2: ta.highest: source is nil; expected a series such as m.close"},
    {"return ta.highest(m)[0] > 1", "t.lua:2: ta.highest: source is market 5m; expected a series such as m.close"},
    {"return ta.highest(20, 5)[0] > 1", "t.lua:2: ta.highest: source is a number; expected a series such as m.close"},
    {"return ta.highest(m.high)[0] > 1", "t.lua:2: ta.highest: length is nil; expected a number"},
    {"return ta.lowest(0)[0] > 1", "t.lua:2: ta.lowest: length is 0; expected a whole number from 1 to 5000"},
    {"return ta.pivothigh(5)[0] > 1", "t.lua:2: ta.pivothigh: right is nil; expected a number"},
    {"return ta.pivothigh(5, 5, 5)[0] > 1",
     "t.lua:2: ta.pivothigh: source is a number; expected a series such as m.close"},
    {"return ta.pivotlow(3000, 2000)[0] > 1",
     "t.lua:2: ta.pivotlow: left and right are 3000 and 2000; expected less than 5000 together"},
    {"return ta.sar(0.3, 0.02, 0.2)[0] > 1",
     "t.lua:2: ta.sar: start is 0.3 and max 0.2; expected a start that is not above max"},
    {"return ta.ichimoku(9, 26, 52, {shown = true}).base[0] > 1", "t.lua:2: ta.ichimoku has no option \"shown\""},
    {"return ta.ichimoku(9, 26, 52, true).base[0] > 1",
     "t.lua:2: ta.ichimoku: options is a boolean; expected a table such as {displaced = ...}"},
};

int main(void) {
    scripts s;
    char code[2048];
    scripts_open(&s, NULL);
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        snprintf(code, sizeof code, FILTER("%s"), SAME[i]);
        err e = scripts_load(&s, 0, "t.lua", code);
        bool holds = e == OK && scripts_matches(&s, 0) && scripts_matches(&s, 0); /* and when it is known already */
        ok(holds, "%.*s: %s", (int)strcspn(SAME[i], "\n"), SAME[i], s.why.text);
    }
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        snprintf(code, sizeof code, FILTER("%s"), MISTAKES[i][0]);
        err e = scripts_load(&s, 0, "t.lua", code);
        ok(e != OK && strcmp(s.why.text, MISTAKES[i][1]) == 0, "%s: found \"%s\"", MISTAKES[i][1], s.why.text);
    }
    scripts_close(&s);
    return done();
}
