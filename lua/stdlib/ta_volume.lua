--- Volume: where and on which side it was traded.
local indicator = require "indicator"
local define = indicator.define

local M = {}

local ANCHORS = {day = 0, week = 1, month = 2}

--- Volume-weighted average price since the start of the session (UTC).
-- @param source series (m.hlc3) @param options {anchor = "day"|"week"|"month"} ("day")
-- @return series, a price; NaN before the first start of a session that is known, and before volume
-- @usage local above = m.close[0] > ta.vwap(m.hlc3, {anchor = "day"})[0]
M.vwap = define {"vwap", sources = {{"source", default = "hlc3"}}, params = {{"anchor", "day", choices = ANCHORS}}, options = 1}

return M
