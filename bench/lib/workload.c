/* See workload.h. */
#include "bench/lib/workload.h"
#include <string.h>

const workload workloads[] = {
    {"sma", "sma(close,20)", NULL, {{"sma", {20}}}},
    {"ema", "ema(close,20)", NULL, {{"ema", {20}}}},
    {"rma", "rma(close,14)", NULL, {{"wilders", {14}}}},
    {"macd", "macd(close,12,26,9)", NULL, {{"macd", {12, 26, 9}}}},
    {"rsi", "rsi(close,14)", NULL, {{"rsi", {14}}}},
    {"bb", "bb(close,20,2)", NULL, {{"bbands", {20, 2}}}},
    {"tr", "tr(1)", NULL, {{"tr", {0}}}},
    {"atr", "atr(14)", NULL, {{"atr", {14}}}},
    {"highest", "highest(close,20)", NULL, {{"max", {20}}}},
    {"lowest", "lowest(close,20)", NULL, {{"min", {20}}}},
    {"vwap", "vwap(hlc3(),0)", "hlc3()", {{0}}},
    {"hl2", "hl2()", NULL, {{"medprice", {0}}}},
    {"hlc3", "hlc3()", NULL, {{"typprice", {0}}}},
    {"ohlc4", "ohlc4()", NULL, {{"avgprice", {0}}}},
    {"add", "add(close,open)", NULL, {{"add", {0}}}},
    {"sub", "sub(close,open)", NULL, {{"sub", {0}}}},
    {"mul", "mul(close,open)", NULL, {{"mul", {0}}}},
    {"div", "div(close,open)", NULL, {{"div", {0}}}},
    {"abs", "abs(close)", NULL, {{"abs", {0}}}},
    {"log", "log(close)", NULL, {{"ln", {0}}}},
    {"exp", "exp(div_k(close,1000000))", "div_k(close,1000000)", {{0}}},
    {"pow", "pow(div_k(close,1000),open)", "div_k(close,1000)", {{0}}},
    {"sqrt", "sqrt(close)", NULL, {{"sqrt", {0}}}},
    {"crossover", "crossover(close,open)", NULL, {{"crossover", {0}}}},
    {0},
};

bool workload_is_passive(const char *kernel_name) {
    return strcmp(kernel_name, "own") == 0 || strcmp(kernel_name, "align") == 0;
}
