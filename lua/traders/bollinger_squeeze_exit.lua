-- Bollinger squeeze exit: the bands were narrow a few bars ago, are no longer, and the price has left them.
local length = input.int("length", 20, {min = 2, max = 200, help = "length of the bands, bars"})
local deviations = input.float("deviations", 2, {min = 0.5, max = 5, help = "half their width, standard deviations"})
local squeeze = input.float("squeeze", 5, {min = 0.1, max = 50, help = "narrow below this, per cent of the middle band"})
local ago = input.int("ago", 5, {min = 1, max = 50, help = "bars ago at which the bands must have been narrow"})

local function width(band, k) return 100 * (band.upper[k] - band.lower[k]) / band.basis[k] end

return trader {
  name = "Bollinger squeeze exit",
  description = "Bands that were narrow have widened, and the close is outside of them",
  interval = "5m",
  filter = function(m)
    local band, price = ta.bb(m.close, length, deviations), m.close[0]
    if not (width(band, ago) < squeeze and width(band, 0) >= squeeze) then return false end
    if price > band.upper[0] then return {match = true, side = "long"} end
    return {match = price < band.lower[0], side = "short"}
  end,
  conditions = {"bands narrow a few bars ago, and no longer", "close outside of the bands"},
  risk = {stop_pct = 1.5, target_pct = 5},
  plots = function(m)
    local band = ta.bb(m.close, length, deviations)
    return {plot.band("Bollinger bands", band.upper, band.lower)}
  end,
}
