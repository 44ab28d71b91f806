/* A trader at the forming bar: every value is, bit for bit, the one that the bar has when it closes as it stands; nothing
 * of a tick is left behind; what a tick has and a close has not. */
#include "script/calls.h"
#include "spec/c/symbols.h"
#include "spec/c/tap.h"

enum { WARM_BARS = 700, TICKED_BARS = 40 };

/* One value of every kernel, and what is made of them. m["1h"] is not among them: an hour may end with the bar. */
static const char EVERYTHING[] =
    "local function all(m)\n"
    "  local c, x, t = m.close, {}, ta\n"
    "  local function add(s) x[#x + 1] = s[0]; x[#x + 1] = s[1] end\n"
    "  for _, s in ipairs {m.open, m.high, m.low, c, m.volume, m.quote_volume, m.trades, m.taker_base, m.taker_quote, "
    "m.hl2,\n"
    "    m.hlc3, m.ohlc4, t.abs(c - m.open), t.log(c), t.max(c, m.open), t.avg(c, m.open), t.sma(c, 20), t.ema(c, "
    "20),\n"
    "    t.rma(c, 14), t.wma(c, 9), t.hma(c, 16), t.dema(c, 9), t.tema(c, 9), t.kama(c, 10), t.vwma(c, 20), t.alma(c, "
    "9),\n"
    "    t.linreg(c, 14), t.ppo(c, 12, 26), t.trix(c, 9), t.rsi(c, 14), t.cci(c, 20), t.cmo(c, 9), t.roc(c, 9), "
    "t.mom(c, 5),\n"
    "    t.change(c, 3), t.wpr(14), t.uo(7, 14, 28), t.bbw(c, 20, 2), t.stdev(c, 20), t.variance(c, 20), t.dev(c, "
    "20),\n"
    "    t.median(c, 15), t.percentrank(c, 30), t.correlation(c, m.volume, 20), t.cum(m.volume), t.count(c:gt(m.open), "
    "10),\n"
    "    t.tr(), t.atr(14), t.natr(14), t.highest(m.high, 30), t.lowest(m.low, 30), t.highestbars(m.high, 30),\n"
    "    t.lowestbars(m.low, 30), t.pivothigh(m.high, 3, 2), t.pivotlow(m.low, 3, 2), t.sar(), t.obv(), t.ad(), "
    "t.adosc(3, 10),\n"
    "    t.pvi(), t.nvi(), t.mfi(m.hlc3, 14), t.rvwap(50), t.delta(), t.pressure(), t.vwap(), "
    "t.barssince(c:gt(m.open)),\n"
    "    t.valuewhen(c:gt(m.open), c, 1), c:crossover(t.sma(c, 5)), t.cdl_engulfing(), t.cdl_doji(), t.sma(t.rsi(c, "
    "14), 9),\n"
    "    m.my.mean, t.ema(m.my.mean, 5), m:align(m.ref.BTCUSDT.close) * 0 + c} do add(s) end\n"
    "  for _, o in ipairs {t.macd(c, 12, 26, 9).hist, t.stochrsi(c, 14).k, t.bb(c, 20, 2).upper, "
    "t.donchian(20).basis,\n"
    "    t.kc(c, 20).lower, t.dmi(14, 14).adx, t.supertrend(3, 10).line, t.aroon(14).up, t.ichimoku().base} do add(o) "
    "end\n"
    "  for _, b in ipairs {t.crossover(c, t.sma(c, 5)), t.crossunder(c, t.sma(c, 5)), t.rising(c, 2), t.falling(c, 2)} "
    "do\n"
    "    x[#x + 1] = b and 1 or 0\n"
    "  end\n"
    "  x[#x + 1] = t.hvn().price or 0\n"
    "  local texts = {}\n"
    "  for i, v in ipairs(x) do texts[i] = (\"%.17g\"):format(v) end\n"
    "  return {table.concat(texts, \" \", 1, 90), table.concat(texts, \" \", 91)}\n"
    "end\n"
    "return trader {on = \"tick\", references = {\"BTCUSDT\"},\n"
    "  series = {mean = function(m, prev) return nz(prev, m.close[0]) * 0.9 + m.close[0] * 0.1 end},\n"
    "  filter = function(m) return {match = true, tags = all(m)} end}\n";

static kline halfway(const kline *bar, double part) {
    kline half = *bar;
    half.close = bar->open + (bar->close - bar->open) * part;
    half.high = fmax(half.open, half.close);
    half.low = fmin(half.open, half.close);
    half.volume *= part;
    half.taker_base *= part;
    return half;
}

static void test_exactness(void) {
    static symbols u;
    scripts s;
    script_binding *binding = NULL;
    int32_t n_same = 0, n_moved = 0;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, tap_seed(7));
    ok(scripts_load(&s, 0, "tick.lua", EVERYTHING) == OK, "a trader with every kind of value: %s", s.why.text);
    for (int32_t i = 0; i < WARM_BARS; i++) symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
    for (int32_t i = WARM_BARS; i < WARM_BARS + TICKED_BARS; i++) {
        script_result early, last, closed;
        kline half = halfway(&u.mine.bars[i], 0.4);
        script_view view = symbols_tick(&u, &half);
        view.binding = &binding;
        scripts_demand(script_state_evaluate(s.state, 0, &view, &early, &s.why), s.why.text);
        view = symbols_tick(&u, &u.mine.bars[i]);
        view.binding = &binding;
        scripts_demand(script_state_evaluate(s.state, 0, &view, &last, &s.why), s.why.text);
        symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
        view = symbols_view(&u);
        view.binding = &binding;
        scripts_demand(script_state_evaluate(s.state, 0, &view, &closed, &s.why), s.why.text);
        if (strcmp(last.tags, closed.tags) == 0)
            n_same++;
        else
            printf("# bar %d\n# tick  %s\n# close %s\n", i, last.tags, closed.tags);
        n_moved += strcmp(early.tags, last.tags) != 0;
        script_result_deinit(&early), script_result_deinit(&last), script_result_deinit(&closed);
    }
    ok(n_same == TICKED_BARS, "the last tick and the close have the same bits at %d of %d bars", n_same, TICKED_BARS);
    ok(n_moved == TICKED_BARS, "ticks before it have others");
    script_binding_free(binding);
    symbols_free(&u);
    scripts_close(&s);
}

static bool matches(scripts *s, int32_t index, const script_view *view) {
    script_result_deinit(&s->result);
    scripts_demand(script_state_evaluate(s->state, index, view, &s->result, &s->why), s->why.text);
    return s->result.outcome == SCRIPT_MATCH;
}

/* What a filter says of itself, at a tick or at a close. */
static void expect(scripts *s, symbols *u, const script_view *view, const char *body, const char *what) {
    char code[1024];
    (void)u;
    snprintf(code, sizeof code,
             "return trader {on = \"tick\", timeframes = {\"1h\"}, references = {\"BTCUSDT\"}, filter = function(m)\n"
             "return %s end}",
             body);
    if (scripts_load(s, 0, "tick.lua", code) != OK) {
        ok(false, "%s: %s", what, s->why.text);
        return;
    }
    ok(matches(s, 0, view), "%s", what);
}

static void test_what_is_shown(void) {
    static symbols u;
    scripts s;
    script_view tick, closed;
    script_ticker ticker = {123.5, -2.25, 130, 120, 4000, 500000, 123.4, 123.6};
    kline forming;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 11);
    for (int32_t i = 0; i < 599; i++) symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
    forming = u.mine.bars[599];
    forming.close = 777;
    forming.high = 888;
    closed = symbols_view(&u);
    tick = symbols_tick(&u, &forming);
    tick.ticker = &ticker;
    expect(&s, &u, &tick, "m.forming and m.close[0] == 777 and m.high[0] == 888", "s[0] is the forming bar");
    expect(&s, &u, &tick, "m.close[1] ~= 777 and m.count == 600 and m.close:len() == 600", "behind the closed ones");
    expect(&s, &u, &tick, "m.time == 1700006400000 + 599 * 300000 and m.close_time == m.time + 300000", "its times");
    expect(&s, &u, &tick, "m[\"1h\"].close:len() == (m.forming and 49 or 0)", "timeframes show closed bars");
    expect(&s, &u, &tick, "m.ref.BTCUSDT.close:len() == 599", "and so do references");
    expect(&s, &u, &tick,
           "m:align(m[\"1h\"].close)[0] == m[\"1h\"].close[0] and m:align(m[\"1h\"].close)[1] == m[\"1h\"].close[0]",
           "what is aligned shows at the forming bar what has closed");
    expect(&s, &u, &tick, "m:align(m.ref.BTCUSDT.close)[0] == m.ref.BTCUSDT.close[0]", "of a reference as well");
    expect(&s, &u, &tick,
           "m.ticker ~= nil and m.ticker.last == 123.5 and m.ticker.change_pct == -2.25 and m.ticker.high == 130 and "
           "m.ticker.low == 120 and m.ticker.volume == 4000 and m.ticker.quote_volume == 5e5 and m.ticker.bid == 123.4 "
           "and "
           "m.ticker.ask == 123.6 or not m.forming",
           "the ticker");
    expect(&s, &u, &tick, "m.day.high < 777", "the rolling day is of closed bars");
    expect(&s, &u, &closed, "not m.forming and m.close[0] ~= 777 and m.ticker == nil and m.count == 599",
           "at a close there is neither forming bar nor ticker");
    symbols_free(&u);
    scripts_close(&s);
}

/* A ticker kept from an earlier call, and one that is not there. */
static void test_ticker(void) {
    static symbols u;
    scripts s;
    script_view view;
    script_ticker ticker = {.last = 5};
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 12);
    for (int32_t i = 0; i < 30; i++) symbols_close_bar(&u.mine, i);
    ok(scripts_load(&s, 0, "t.lua",
                    "local kept\nreturn trader {on = \"tick\", filter = function(m)\n"
                    "  if m.ticker then kept = m.ticker end\n  return kept ~= nil and na(kept.last) end}") == OK,
       "a ticker is kept: %s", s.why.text);
    view = symbols_tick(&u, &u.mine.bars[30]);
    view.ticker = &ticker;
    ok(!matches(&s, 0, &view), "it is a number while it is there");
    view.ticker = NULL;
    ok(matches(&s, 0, &view), "and none after that");
    ok(scripts_load(&s, 1, "t.lua",
                    "return trader {on = \"tick\", filter = function(m)\n  return m.ticker.last > 1 end}") ==
               ERR_SCRIPT &&
           strcmp(s.why.text,
                  "t.lua:2: attempt to index field 'ticker' (a nil value); m.ticker is nil at a close; ask for "
                  "m.forming first") == 0,
       "a trader is tried out at closes, too: %s", s.why.text);
    ok(scripts_load(&s, 1, "t.lua", "return trader {filter = function(m)\n  return m.ticker ~= nil end}") ==
               ERR_SCRIPT &&
           strcmp(s.why.text, "t.lua:2: m.ticker is there only at ticks; add on = \"tick\"") == 0,
       "without on = \"tick\": %s", s.why.text);
    ok(scripts_load(
           &s, 1, "t.lua",
           "return trader {on = \"tick\", filter = function(m)\n  return m.forming and m.ticker.bit > 1 end}") ==
               ERR_SCRIPT &&
           strcmp(s.why.text, "t.lua:2: m.ticker has no field \"bit\"; did you mean \"bid\"?") == 0,
       "and at ticks: %s", s.why.text);
    symbols_free(&u);
    scripts_close(&s);
}

/* An own series has a value at the forming bar, which is forgotten; in it there is no ticker. */
static void test_own_series(void) {
    static symbols u;
    scripts s;
    script_view view;
    script_ticker ticker = {.last = 5};
    kline forming;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 13);
    for (int32_t i = 0; i < 400; i++) symbols_close_bar(&u.mine, i);
    ok(scripts_load(&s, 0, "o.lua",
                    "return trader {on = \"tick\", series = {\n"
                    "  sum = function(m, prev) return nz(prev) + m.close[0] end,\n"
                    "  tickers = function(m, prev) return nz(prev) + (m.ticker and 1 or 0) end},\n"
                    "filter = function(m)\n"
                    "  local closes = 0\n"
                    "  for i = 0, m.count - 1 do closes = closes + m.close[i] end\n"
                    "  local same = math.abs(m.my.sum[0] - closes) < 1e-6 and m.my.sum[0] - m.my.sum[1] > 0\n"
                    "  return same and m.my.sum:len() == m.count and m.my.tickers[0] == 0 or m.count < 2 end}") == OK,
       "sums of closes: %s", s.why.text);
    forming = u.mine.bars[400];
    for (int32_t k = 0; k < 3; k++) {
        forming.close = 1000 * (k + 1);
        view = symbols_tick(&u, &forming);
        view.ticker = &ticker;
        ok(matches(&s, 0, &view), "at tick %d the forming bar is added to the closed ones", k);
    }
    symbols_close_bar(&u.mine, 400);
    view = symbols_view_alone(&u);
    ok(matches(&s, 0, &view), "and none of the ticks is left when it has closed");
    symbols_free(&u);
    scripts_close(&s);
}

/* The forming bar counts: an indicator of n bars has a value at the tick of bar n. */
static void test_warm_up(void) {
    static symbols u;
    scripts s;
    script_view view;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 14);
    ok(scripts_load(&s, 0, "w.lua",
                    "return trader {on = \"tick\", filter = function(m) return ta.sma(m.close, 20)[0] > 0 end}") == OK,
       "a mean of 20 bars: %s", s.why.text);
    ok(scripts_load(&s, 1, "w.lua", "return trader {on = \"tick\", filter = function(m) return m.close[0] > 0 end}") ==
           OK,
       "and the close");
    view = symbols_tick(&u, &u.mine.bars[0]);
    view.ignores_warmup = false;
    ok(matches(&s, 1, &view), "at the first tick of all there is one");
    for (int32_t i = 0; i < 18; i++) symbols_close_bar(&u.mine, i);
    view = symbols_tick(&u, &u.mine.bars[18]);
    view.ignores_warmup = false;
    (void)matches(&s, 0, &view);
    ok(s.result.outcome == SCRIPT_WARMING && s.result.have == 19 && s.result.need == 20, "18 bars and a tick: %d/%d",
       s.result.have, s.result.need);
    symbols_close_bar(&u.mine, 18);
    view = symbols_view_alone(&u);
    view.ignores_warmup = false;
    (void)matches(&s, 0, &view);
    ok(s.result.outcome == SCRIPT_WARMING && s.result.have == 19, "19 bars");
    view = symbols_tick(&u, &u.mine.bars[19]);
    view.ignores_warmup = false;
    ok(matches(&s, 0, &view), "19 bars and a tick");
    symbols_free(&u);
    scripts_close(&s);
}

int main(void) {
    test_exactness();
    test_what_is_shown();
    test_ticker();
    test_own_series();
    test_warm_up();
    return done();
}
