// @ts-check
// The client of a machine, for browsers and Node.
//
//   const api = new Api({ base: 'http://127.0.0.1:8080', token })
//   for await (const signal of api.eachSignal({ symbol: 'BTCUSDT' })) ...
//   const channel = new Channel({ url: 'ws://127.0.0.1:8080/ws', token }) // a text, or a function that gives the one of now
//   channel.on('signal_created', signal => ...); channel.on('gap', () => ...); channel.start()
//   const machine = await provisionMachine({ userId, url, token })
export { Api, ApiError } from './api.js';
export { Channel, ChannelError } from './channel.js';
export { provisionMachine } from './provision.js';
