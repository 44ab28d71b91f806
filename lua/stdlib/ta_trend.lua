--- Trend: direction, its strength, and lines that follow the price.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Directional movement: +DI and -DI are 100 * rma(movement) / rma(true range), ADX the rma of
-- 100 * |plus - minus| / (plus + minus). A movement counts when it is larger than the opposite one by more than 1e-10, as
-- Pine compares. plus and minus have their first value at bar di_length, adx at bar di_length + adx_smoothing - 1. NaN where
-- the average range is below 1e-10 of the price: nothing has moved.
-- @param di_length bars, 1..5000 (14) @param adx_smoothing bars, 1..5000 (14) @return {plus, minus, adx}, series, 0..100
-- @usage local is_trend = ta.dmi(14, 14).adx[0] > 25
M.dmi = define {"dmi", params = {{"di_length", 14}, {"adx_smoothing", 14}}, outputs = {"plus", "minus", "adx"}}

--- Supertrend: a stop `factor` average true ranges from hl2 that moves with the price only and changes sides when the close
-- crosses it. The direction is Pine's: -1 in an up-trend (the line is below the price), 1 in a down-trend, and 1 before there
-- is a line. The line begins at bar length - 1, NaN before. It depends on its whole past, so on where the series began.
-- @param factor average true ranges, 0..1000 @param length bars of the atr, 1..5000
-- @return {line, direction}, series: a price; -1 up, 1 down
-- @usage local is_up = ta.supertrend(3, 10).direction[0] < 0
M.supertrend = define {"supertrend", params = {"factor", "length"}, outputs = {"line", "direction"}}

--- Parabolic stop and reverse. As in Pine a reversal is tested before the stop is held beyond the last two bars (TA-Lib: after
-- it), and the second bar begins short when its high is lower than the first's. First value at the second bar. It
-- depends on its whole past, so on where the series began.
-- @param start acceleration at first, 0..1 (0.02) @param step what a new extreme adds to it, 0..1 (0.02)
-- @param max largest acceleration, start..1 (0.2) @return series, a price
-- @usage local is_long = m.close[0] > ta.sar(0.02, 0.02, 0.2)[0]
M.sar = define {"sar", params = {{"start", 0.02}, {"step", 0.02}, {"max", 0.2}}}

--- Ichimoku: middles of the highest high and the lowest low: conversion, base and span_b of as many bars as the parameter of
-- that name says; span_a is the mean of conversion and base. All are those of the bar itself, and lagging is its close. With
-- {displaced = true} the spans are those a chart draws under the bar: of base - 1 bars before. lagging is the close then
-- too: a chart draws it base - 1 bars back, where it is compared with the prices of that time; its value
-- under the bar would be a close of the future. First values as the windows fill, displaced spans base - 1 bars later.
-- @param conversion bars, 1..5000 (9) @param base bars, 1..5000 (26) @param span_b bars, 1..5000 (52)
-- @param options {displaced = true|false} (false) @return {conversion, base, span_a, span_b, lagging}, series of prices
-- @usage local is_above = m.close[0] > ta.ichimoku(9, 26, 52, {displaced = true}).span_a[0]
M.ichimoku = define {"ichimoku", params = {{"conversion", 9}, {"base", 26}, {"span_b", 52}, {"displaced", false}}, options = 1,
  outputs = {"conversion", "base", "span_a", "span_b", "lagging"}}

--- Aroon: how new the highest high and the lowest low of the last length + 1 bars are: 100 the newest bar, 0 the oldest. Of
-- equal ones the oldest counts, as in Pine (TA-Lib: the newest), so both are 0 where nothing moves. First values at bar length.
-- @param length bars, 1..5000 (14) @return {up, down}, series, 0..100
-- @usage local is_up = ta.aroon(14).up[0] > ta.aroon(14).down[0]
M.aroon = define {"aroon", params = {{"length", 14}}, outputs = {"up", "down"}}

return M
