// What a script would have found on present data.
import { fullTime, micros, moment, plural, price } from './format.js';
import { marketNow } from '../state/machine.js';
import { href } from '../state/route.js';
import { traderByName } from '../state/traders.js';

const SHOWN = 60;

function Match({ match, trader }) {
  const { symbol, interval, time } = match;
  const known = trader && traderByName.value.get(trader);
  return (
    <tr>
      <td><a href={`${href('chart', symbol, interval)}${known ? `?trader=${encodeURIComponent(known.id)}` : ''}`}>{symbol}</a></td>
      <td>{match.fires ? <span class="chip info">fires</span> : <span class="chip">matches</span>}</td>
      <td class="right">{price(match.price)}</td>
      <td class="right soft"><time title={fullTime(time)}>{moment(time, marketNow.peek())}</time></td>
    </tr>
  );
}

export function Matches({ look, trader }) {
  const { matches, n_matches: n, symbols, bars, warming, skipped, errors = [] } = look;
  const nFires = matches.filter(it => it.fires).length;
  return (
    <div class="look">
      <p class="soft">
        <b>{plural(n ?? matches.length, 'match')}</b>{look.truncated ? ' or more' : ''}, {plural(nFires, 'signal')}, over {plural(symbols, 'symbol')} and the last {plural(bars, 'bar')}
        {warming > 0 && `; ${warming} still warming up`}{skipped > 0 && `; ${plural(skipped, 'symbol')} left out: it does not want them, or their bars are not here because no trader has asked for them yet`}. One evaluation: {micros(look.cost_us)}.
      </p>
      {errors.map(error => <p class="trouble" key={`${error.symbol}${error.time}`}>{error.symbol}: {error.message}</p>)}
      {matches.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Matches">
          <table class="table">
            <thead><tr><th scope="col">Symbol</th><th scope="col">What</th><th scope="col" class="right">Price</th><th scope="col" class="right">Bar (UTC)</th></tr></thead>
            <tbody>{matches.slice(0, SHOWN).map(match => <Match key={`${match.symbol}${match.time}`} match={match} trader={trader} />)}</tbody>
          </table>
        </div>
      )}
      {matches.length > SHOWN && <p class="faint">The newest {SHOWN} are shown.</p>}
    </div>
  );
}
