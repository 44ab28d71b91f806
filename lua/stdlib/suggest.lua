--- The nearest of some names to a misspelt one, as the end of a sentence.

-- Levenshtein distance, capped by the caller's use.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

--- @param name what was found @param candidates list of names @return "; did you mean \"x\"?" or ""
return function(name, candidates)
  local best, best_distance
  if #name > 64 then return "" end
  for _, candidate in ipairs(candidates) do
    local d = distance(name:lower(), candidate:lower())
    if not best_distance or d < best_distance or d == best_distance and candidate < best then best, best_distance = candidate, d end
  end
  local most = #name < 4 and 1 or math.max(2, math.floor(#name / 3))
  if best and best_distance <= most then return ("; did you mean %q?"):format(best) end
  return ""
end
