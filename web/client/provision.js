// @ts-check
// A machine of one's own, by `trademind provisioner`.
import { Api, ApiError } from './api.js';
import { Channel } from './channel.js';
import { tokenOf } from './token.js';

/** @typedef {import('./types.d.ts').Machine} Machine */
/** @typedef {import('./types.d.ts').TokenSource} TokenSource */

/** Fields that an answer has to have to be of any use. @param {any} answer */
function isMachine(answer) { return Boolean(answer && typeof answer === 'object' && answer.machineId && answer.websocketUrl); }

/** With a scheme: `machine.fly.dev` is wss://machine.fly.dev. @param {string} address */
export function channelUrl(address) {
  const url = new URL(/^[a-z]+:\/\//.test(address) ? address : `wss://${address}`);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return url.href.replace(/\/$/, '');
}

/**
 * Creates the user's machine, or gives the one that there is.
 * @param {object} options
 * @param {string} options.userId
 * @param {string} options.url of the provisioner, such as https://provisioner.example
 * @param {TokenSource} options.token the user's JWT
 * @param {string} [options.region] sin, iad, fra
 * @param {number} [options.cpus] 1..8
 * @param {typeof fetch} [options.fetch]
 * @param {any} [options.WebSocket]
 * @returns {Promise<Machine>}
 */
export async function provisionMachine({ userId, url, token, region = 'sin', cpus = 1, fetch = globalThis.fetch, WebSocket }) {
  const response = await fetch(`${url.replace(/\/$/, '')}/v1/machines`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await tokenOf(token)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ userId, region, cpus }),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, { detail: answer?.detail ?? answer?.error, ...answer });
  if (!isMachine(answer)) throw new ApiError(response.status, { detail: 'the provisioner answered without a machine' });
  const address = channelUrl(answer.websocketUrl);
  return {
    ...answer,
    channel: () => new Channel({ url: address, token, ...(WebSocket ? { WebSocket } : {}) }),
    api: () => new Api({ base: address.replace(/^ws/, 'http'), token, fetch }),
  };
}
