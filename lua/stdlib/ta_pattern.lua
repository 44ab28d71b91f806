--- Candlestick patterns, TA-Lib's meaning: 100 where a pattern is found that points up, -100 down, else 0.
--
-- The body is |close - open|; a bar is white when close >= open. "Long", "short", "very short" and "near" are TA-Lib's
-- default settings: the bar is held against the mean body, or the mean high - low, of the bars before it. Those means are
-- made anew at each bar, so a tie is a tie: on a market that stands still, where TA-Lib's running sums keep a residue,
-- its answer may differ from ours.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Doji: the body is at most a tenth of the mean high - low of the 10 bars before. First value at bar 10. TA-Lib's CDLDOJI.
-- @return series of 100 and 0
-- @usage local undecided = ta.cdl_doji()[0] ~= 0
M.cdl_doji = define {"cdl_doji"}

--- Hammer: a small body low in the market, a lower shadow longer than the body, nearly no upper one.
-- Body below the mean body of the 10 bars before; upper shadow below a tenth of their mean high - low; bottom of the body at
-- or below the low of the bar before plus a fifth of the mean high - low of the 5 bars before that. First value at bar 11.
-- TA-Lib's CDLHAMMER.
-- @return series of 100 and 0
-- @usage local bounce = ta.cdl_hammer()[0] == 100
M.cdl_hammer = define {"cdl_hammer"}

--- Hanging man: the shape of a hammer, with the bottom of its body near the high of the bar before, or above.
-- First value at bar 11. TA-Lib's CDLHANGINGMAN.
-- @return series of -100 and 0
-- @usage local tired = ta.cdl_hanging_man()[0] == -100
M.cdl_hanging_man = define {"cdl_hanging_man"}

--- Inverted hammer: a small body, an upper shadow longer than it, nearly no lower one, below the body of the bar before.
-- First value at bar 11. TA-Lib's CDLINVERTEDHAMMER; where a bar opens at the close before, there is no gap and no pattern.
-- @return series of 100 and 0
-- @usage local bounce = ta.cdl_inverted_hammer()[0] == 100
M.cdl_inverted_hammer = define {"cdl_inverted_hammer"}

--- Shooting star: the shape of an inverted hammer, above the body of the bar before.
-- First value at bar 11. TA-Lib's CDLSHOOTINGSTAR; where a bar opens at the close before, there is no gap and no pattern.
-- @return series of -100 and 0
-- @usage local turned = ta.cdl_shooting_star()[0] == -100
M.cdl_shooting_star = define {"cdl_shooting_star"}

--- Engulfing: the body encloses that of the bar before, which has the other color.
-- 100 or -100 when it is larger at both ends; 80 or -80, as TA-Lib gives since 0.6, when one end is the same, the usual case
-- where markets never close and a bar opens at the close before. So compare with 0. First value at bar 2. TA-Lib's CDLENGULFING.
-- @return series of 100, 80, 0, -80 and -100; above 0: the newest bar is white
-- @usage local bullish = ta.cdl_engulfing()[0] > 0
M.cdl_engulfing = define {"cdl_engulfing"}

--- Harami: a body that is not long inside the long body of the bar before.
-- 100 or -100 when it touches no end of it; 80 or -80, as TA-Lib gives since 0.6, when it does. So compare with 0. Long: above
-- the mean body of the 10 bars before. First value at bar 11. TA-Lib's CDLHARAMI.
-- @return series of 100, 80, 0, -80 and -100; above 0: the bar before is black
-- @usage local pause = ta.cdl_harami()[0] ~= 0
M.cdl_harami = define {"cdl_harami"}

--- Morning star: a long black body, a small one below it, a long white one that closes well inside the first.
-- First value at bar 12. TA-Lib's CDLMORNINGSTAR.
-- @param penetration part of the first body that the last close regains, 0..10 (0.3)
-- @return series of 100 and 0
-- @usage local turned = ta.cdl_morning_star(0.3)[0] == 100
M.cdl_morning_star = define {"cdl_morning_star", params = {{"penetration", 0.3}}}

--- Evening star: a long white body, a small one above it, a long black one that closes well inside the first.
-- First value at bar 12. TA-Lib's CDLEVENINGSTAR.
-- @param penetration part of the first body that the last close gives back, 0..10 (0.3)
-- @return series of -100 and 0
-- @usage local turned = ta.cdl_evening_star(0.3)[0] == -100
M.cdl_evening_star = define {"cdl_evening_star", params = {{"penetration", 0.3}}}

--- Three white soldiers: three white bars with rising closes and nearly no upper shadow, each opening inside the body before
-- or near its close, none far shorter than the one before, the last one long. First value at bar 12. TA-Lib's CDL3WHITESOLDIERS.
-- @return series of 100 and 0
-- @usage local strong = ta.cdl_three_white_soldiers()[0] == 100
M.cdl_three_white_soldiers = define {"cdl_three_white_soldiers"}

--- Three black crows: after a white bar three black ones with falling closes and nearly no lower shadow.
-- The second and third open inside the body before; the first closes below the high of the white bar. A bar that opens at the
-- close before is no crow. First value at bar 13. TA-Lib's CDL3BLACKCROWS.
-- @return series of -100 and 0
-- @usage local weak = ta.cdl_three_black_crows()[0] == -100
M.cdl_three_black_crows = define {"cdl_three_black_crows"}

--- Piercing: after a long black body a long white one that opens below the low and closes above the middle of that body.
-- First value at bar 11. TA-Lib's CDLPIERCING; it needs a gap between close and open, rare where markets never close.
-- @return series of 100 and 0
-- @usage local turned = ta.cdl_piercing()[0] == 100
M.cdl_piercing = define {"cdl_piercing"}

--- Dark cloud cover: after a long white body a black one that opens above the high and closes well inside that body.
-- First value at bar 11. TA-Lib's CDLDARKCLOUDCOVER; it needs a gap between close and open, rare where markets never close.
-- @param penetration part of the white body that the close gives back, 0..10 (0.5)
-- @return series of -100 and 0
-- @usage local turned = ta.cdl_dark_cloud_cover(0.5)[0] == -100
M.cdl_dark_cloud_cover = define {"cdl_dark_cloud_cover", params = {{"penetration", 0.5}}}

--- Marubozu: a long body with nearly no shadows: each below a tenth of the mean high - low of the 10 bars before.
-- First value at bar 10. TA-Lib's CDLMARUBOZU.
-- @return series of 100 (white), 0 and -100 (black)
-- @usage local decided = ta.cdl_marubozu()[0] == 100
M.cdl_marubozu = define {"cdl_marubozu"}

--- Spinning top: a body below the mean of the 10 bars before, and both shadows longer than it.
-- First value at bar 10. TA-Lib's CDLSPINNINGTOP.
-- @return series of 100 (white), 0 and -100 (black)
-- @usage local undecided = ta.cdl_spinning_top()[0] ~= 0
M.cdl_spinning_top = define {"cdl_spinning_top"}

--- Inside bar: the high is below the high of the bar before, the low above its low. First value at bar 1.
-- TA-Lib has no such function; the sign is the color of the bar, as in its others: 100 when close >= open, else -100.
-- @return series of 100, 0 and -100
-- @usage local coiled = ta.cdl_inside_bar()[0] ~= 0
M.cdl_inside_bar = define {"cdl_inside_bar"}

return M
