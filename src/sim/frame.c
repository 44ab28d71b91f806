/* Written in the order of the documentation, so that the two can be laid side by side. */
#include "sim/frame.h"
#include "market/interval.h"
#include <string.h>

/* "key":"1.50000000" with what stands before it. */
static void add_price(writer *out, const char *before, double value) {
    writer_add(out, before);
    writer_add_decimal(out, value);
}

static void add_number(writer *out, const char *before, int64_t value) {
    writer_add(out, before);
    writer_add_int(out, value);
}

static void add_name(writer *out, const char *before, const char *name) {
    writer_add(out, before);
    writer_add_json(out, name, strlen(name));
}

/* Trade ids are not recorded: a bar's first one is its open time in ms, so ids grow, and no id is given twice as long as
 * a bar has fewer trades than milliseconds. */
static int64_t first_id(const kline *bar) { return bar->trades > 0 ? bar->open_ms : -1; }
static int64_t last_id(const kline *bar) { return bar->trades > 0 ? bar->open_ms + (int64_t)bar->trades - 1 : -1; }

void frame_kline(writer *out, const char *symbol, enum interval interval, const kline *bar, bool is_closed,
                 int64_t event_ms) {
    add_number(out, "{\"e\":\"kline\",\"E\":", event_ms);
    add_name(out, ",\"s\":", symbol);
    add_number(out, ",\"k\":{\"t\":", bar->open_ms);
    add_number(out, ",\"T\":", interval_next((int32_t)interval, bar->open_ms) - 1);
    add_name(out, ",\"s\":", symbol);
    add_name(out, ",\"i\":", interval_name((int32_t)interval));
    add_number(out, ",\"f\":", first_id(bar));
    add_number(out, ",\"L\":", last_id(bar));
    add_price(out, ",\"o\":\"", bar->open);
    add_price(out, "\",\"c\":\"", bar->close);
    add_price(out, "\",\"h\":\"", bar->high);
    add_price(out, "\",\"l\":\"", bar->low);
    add_price(out, "\",\"v\":\"", bar->volume);
    add_number(out, "\",\"n\":", (int64_t)bar->trades);
    writer_add(out, is_closed ? ",\"x\":true" : ",\"x\":false");
    add_price(out, ",\"q\":\"", bar->quote_volume);
    add_price(out, "\",\"V\":\"", bar->taker_base);
    add_price(out, "\",\"Q\":\"", bar->taker_quote);
    writer_add(out, "\",\"B\":\"0\"}}");
}

void frame_mini_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms) {
    add_number(out, "{\"e\":\"24hrMiniTicker\",\"E\":", event_ms);
    add_name(out, ",\"s\":", symbol);
    add_price(out, ",\"c\":\"", ticker->last);
    add_price(out, "\",\"o\":\"", ticker->open);
    add_price(out, "\",\"h\":\"", ticker->high);
    add_price(out, "\",\"l\":\"", ticker->low);
    add_price(out, "\",\"v\":\"", ticker->volume);
    add_price(out, "\",\"q\":\"", ticker->quote_volume);
    writer_add(out, "\"}");
}

typedef struct change {
    double amount, percent, average;
} change;

static change change_of(const tape_ticker *t) {
    change c = {.amount = t->last - t->open};
    c.percent = t->open > 0 ? 100 * c.amount / t->open : 0;
    c.average = t->volume > 0 ? t->quote_volume / t->volume : t->last;
    return c;
}

void frame_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms, bool is_futures) {
    change c = change_of(ticker);
    add_number(out, "{\"e\":\"24hrTicker\",\"E\":", event_ms);
    add_name(out, ",\"s\":", symbol);
    add_price(out, ",\"p\":\"", c.amount);
    writer_add_format(out, "\",\"P\":\"%.3f", c.percent);
    add_price(out, "\",\"w\":\"", c.average);
    if (!is_futures) add_price(out, "\",\"x\":\"", ticker->previous_close);
    add_price(out, "\",\"c\":\"", ticker->last);
    add_price(out, "\",\"Q\":\"", ticker->last_quantity);
    if (!is_futures) {
        /* There is no order book here; the best known price stands on both sides. */
        add_price(out, "\",\"b\":\"", ticker->last);
        add_price(out, "\",\"B\":\"", ticker->last_quantity);
        add_price(out, "\",\"a\":\"", ticker->last);
        add_price(out, "\",\"A\":\"", ticker->last_quantity);
    }
    add_price(out, "\",\"o\":\"", ticker->open);
    add_price(out, "\",\"h\":\"", ticker->high);
    add_price(out, "\",\"l\":\"", ticker->low);
    add_price(out, "\",\"v\":\"", ticker->volume);
    add_price(out, "\",\"q\":\"", ticker->quote_volume);
    add_number(out, "\",\"O\":", ticker->open_ms);
    add_number(out, ",\"C\":", ticker->close_ms);
    add_number(out, ",\"F\":", ticker->first_id);
    add_number(out, ",\"L\":", ticker->last_id);
    add_number(out, ",\"n\":", (int64_t)ticker->trades);
    writer_add(out, "}");
}

void frame_kline_row(writer *out, enum interval interval, const kline *bar) {
    add_number(out, "[", bar->open_ms);
    add_price(out, ",\"", bar->open);
    add_price(out, "\",\"", bar->high);
    add_price(out, "\",\"", bar->low);
    add_price(out, "\",\"", bar->close);
    add_price(out, "\",\"", bar->volume);
    add_number(out, "\",", interval_next((int32_t)interval, bar->open_ms) - 1);
    add_price(out, ",\"", bar->quote_volume);
    add_number(out, "\",", (int64_t)bar->trades);
    add_price(out, ",\"", bar->taker_base);
    add_price(out, "\",\"", bar->taker_quote);
    writer_add(out, "\",\"0\"]");
}

void frame_rest_ticker(writer *out, const char *symbol, const tape_ticker *ticker, ticker_shape shape) {
    change c = change_of(ticker);
    add_name(out, "{\"symbol\":", symbol);
    if (shape != TICKER_MINI) {
        add_price(out, ",\"priceChange\":\"", c.amount);
        writer_add_format(out, "\",\"priceChangePercent\":\"%.3f", c.percent);
        add_price(out, "\",\"weightedAvgPrice\":\"", c.average);
        if (shape == TICKER_FULL) add_price(out, "\",\"prevClosePrice\":\"", ticker->previous_close);
        add_price(out, "\",\"lastPrice\":\"", ticker->last);
        add_price(out, "\",\"lastQty\":\"", ticker->last_quantity);
        if (shape == TICKER_FULL) {
            add_price(out, "\",\"bidPrice\":\"", ticker->last);
            add_price(out, "\",\"bidQty\":\"", ticker->last_quantity);
            add_price(out, "\",\"askPrice\":\"", ticker->last);
            add_price(out, "\",\"askQty\":\"", ticker->last_quantity);
        }
        writer_add(out, "\"");
    }
    add_price(out, ",\"openPrice\":\"", ticker->open);
    add_price(out, "\",\"highPrice\":\"", ticker->high);
    add_price(out, "\",\"lowPrice\":\"", ticker->low);
    if (shape == TICKER_MINI) add_price(out, "\",\"lastPrice\":\"", ticker->last);
    add_price(out, "\",\"volume\":\"", ticker->volume);
    add_price(out, "\",\"quoteVolume\":\"", ticker->quote_volume);
    add_number(out, "\",\"openTime\":", ticker->open_ms);
    add_number(out, ",\"closeTime\":", ticker->close_ms);
    add_number(out, ",\"firstId\":", ticker->first_id);
    add_number(out, ",\"lastId\":", ticker->last_id);
    add_number(out, ",\"count\":", (int64_t)ticker->trades);
    writer_add(out, "}");
}

void frame_rate_limits(writer *out) {
    writer_add(out, "[{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000},"
                    "{\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":100},"
                    "{\"rateLimitType\":\"ORDERS\",\"interval\":\"DAY\",\"intervalNum\":1,\"limit\":200000},"
                    "{\"rateLimitType\":\"RAW_REQUESTS\",\"interval\":\"MINUTE\",\"intervalNum\":5,\"limit\":300000}]");
}

void frame_symbol_info(writer *out, const symbol_info *info, bool show_permission_sets) {
    add_name(out, "{\"symbol\":", info->name);
    add_name(out, ",\"status\":", info->is_trading ? "TRADING" : "BREAK");
    add_name(out, ",\"baseAsset\":", info->base);
    add_name(out, ",\"baseAssetPrecision\":8,\"quoteAsset\":", info->quote);
    writer_add(out,
               ",\"quotePrecision\":8,\"quoteAssetPrecision\":8,\"baseCommissionPrecision\":8,"
               "\"quoteCommissionPrecision\":8,\"orderTypes\":[\"LIMIT\",\"LIMIT_MAKER\",\"MARKET\"],"
               "\"icebergAllowed\":true,\"ocoAllowed\":true,\"otoAllowed\":true,\"quoteOrderQtyMarketAllowed\":true,"
               "\"allowTrailingStop\":true,\"cancelReplaceAllowed\":true,\"isSpotTradingAllowed\":true,"
               "\"isMarginTradingAllowed\":false,\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"");
    writer_add_decimal(out, info->tick_size);
    writer_add(out, "\",\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"");
    writer_add_decimal(out, info->tick_size);
    writer_add(out, "\"},{\"filterType\":\"LOT_SIZE\",\"minQty\":\"");
    writer_add_decimal(out, info->step_size);
    writer_add(out, "\",\"maxQty\":\"92141578.00000000\",\"stepSize\":\"");
    writer_add_decimal(out, info->step_size);
    writer_add(out, "\"},{\"filterType\":\"NOTIONAL\",\"minNotional\":\"5.00000000\",\"applyMinToMarket\":true,"
                    "\"maxNotional\":\"9000000.00000000\",\"applyMaxToMarket\":false,\"avgPriceMins\":5}],"
                    "\"permissions\":[],\"permissionSets\":");
    writer_add(out, show_permission_sets ? "[[\"SPOT\"]]" : "[]");
    writer_add(out, ",\"defaultSelfTradePreventionMode\":\"EXPIRE_MAKER\","
                    "\"allowedSelfTradePreventionModes\":[\"EXPIRE_MAKER\"]}");
}

/* ---- futures ---- */

void frame_futures_head(writer *out, int64_t now_ms, uint32_t weight_per_minute) {
    add_number(out, "{\"timezone\":\"UTC\",\"serverTime\":", now_ms);
    add_number(out,
               ",\"futuresType\":\"U_MARGINED\",\"rateLimits\":[{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":"
               "\"MINUTE\",\"intervalNum\":1,\"limit\":",
               weight_per_minute);
    writer_add(out, "},{\"rateLimitType\":\"ORDERS\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":1200},"
                    "{\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":300}],"
                    "\"exchangeFilters\":[],\"assets\":[{\"asset\":\"USDT\",\"marginAvailable\":true,"
                    "\"autoAssetExchange\":\"-100\"}],\"symbols\":[");
}

static int decimals_of(double step) {
    int decimals = 0;
    for (double power = step; decimals < 8 && power < 0.999999; power *= 10) decimals++;
    return decimals;
}

/* Without a trailing zero, as the futures write their filters. */
static void add_step(writer *out, const char *before, double step) {
    writer_add(out, before);
    writer_add_format(out, "%.*f", decimals_of(step), step);
}

void frame_futures_info(writer *out, const symbol_info *info, int64_t onboard_ms) {
    add_name(out, "{\"symbol\":", info->name);
    add_name(out, ",\"pair\":", info->name);
    add_number(out, ",\"contractType\":\"PERPETUAL\",\"deliveryDate\":4133404800000,\"onboardDate\":", onboard_ms);
    add_name(out, ",\"status\":", info->is_trading ? "TRADING" : "SETTLING");
    add_name(out, ",\"maintMarginPercent\":\"2.5000\",\"requiredMarginPercent\":\"5.0000\",\"baseAsset\":", info->base);
    add_name(out, ",\"quoteAsset\":", info->quote);
    add_name(out, ",\"marginAsset\":", info->quote);
    add_number(out, ",\"pricePrecision\":", decimals_of(info->tick_size));
    add_number(out, ",\"quantityPrecision\":", decimals_of(info->step_size));
    writer_add(out,
               ",\"baseAssetPrecision\":8,\"quotePrecision\":8,\"underlyingType\":\"COIN\",\"underlyingSubType\":[],"
               "\"settlePlan\":0,\"triggerProtect\":\"0.0500\",\"liquidationFee\":\"0.012000\","
               "\"marketTakeBound\":\"0.30\",\"filters\":[");
    add_step(out, "{\"minPrice\":\"", info->tick_size);
    add_step(out, "\",\"maxPrice\":\"1000000\",\"filterType\":\"PRICE_FILTER\",\"tickSize\":\"", info->tick_size);
    add_step(out, "\"},{\"stepSize\":\"", info->step_size);
    add_step(out, "\",\"filterType\":\"LOT_SIZE\",\"maxQty\":\"10000000\",\"minQty\":\"", info->step_size);
    writer_add(out, "\"},{\"notional\":\"5\",\"filterType\":\"MIN_NOTIONAL\"}],\"orderTypes\":[\"LIMIT\",\"MARKET\"],"
                    "\"timeInForce\":[\"GTC\",\"IOC\",\"FOK\",\"GTX\"]}");
}
