// A fake of an OpenAI-compatible server: POST /v1/chat/completions.
//
//   const it = await openai({ say: (text, request) => object or text, interrupt: request => answer of fake.mjs or null })
import { fake } from './fake.mjs';
import { opinion, tokens } from './opinions.mjs';

export const KEY = 'fake-openai-key';

export const error = (status, message, code = null, extra = {}) => ({ status, body: { error: { message, type: 'error', param: null, code, ...extra } } });

/** 429 with Retry-After. */
export const limited = seconds => ({ ...error(429, 'Rate limit reached', 'rate_limit_exceeded'), headers: { 'retry-after': String(seconds) } });

export function answer(text, { model, finish = 'stop', promptTokens = 100 } = {}) {
  return {
    status: 200, body: {
      id: 'chatcmpl-1', object: 'chat.completion', created: 1, model,
      choices: [{ index: 0, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason: finish }],
      usage: { prompt_tokens: promptTokens, completion_tokens: tokens(text), total_tokens: promptTokens + tokens(text), prompt_tokens_details: { cached_tokens: 0 } },
    },
  };
}

function complaint(body) {
  if (typeof body !== 'object' || typeof body.model !== 'string') return error(400, 'you must provide a model parameter');
  if (!Array.isArray(body.messages) || !body.messages.length) return error(400, "'messages' is too short");
  if (body.messages.some(m => !['system', 'user', 'assistant', 'developer'].includes(m.role) || typeof m.content !== 'string')) return error(400, 'bad message');
  const format = body.response_format;
  if (format && format.type === 'json_schema' && !(format.json_schema?.name && format.json_schema.schema)) return error(400, 'json_schema needs name and schema');
  if (body.reasoning_effort !== undefined && !['none', 'minimal', 'low', 'medium', 'high'].includes(body.reasoning_effort)) return error(400, 'reasoning_effort');
  return null;
}

export const asked = body => body.messages.filter(m => m.role === 'user').at(-1).content;

export async function openai({ say = text => opinion(text), interrupt = () => null, port } = {}) {
  const it = await fake(async request => {
    if (request.method !== 'POST' || request.path !== '/v1/chat/completions') return error(404, `no ${request.method} ${request.path}`);
    if (request.headers.authorization !== `Bearer ${KEY}`) return error(401, 'Incorrect API key provided', 'invalid_api_key');
    const wrong = complaint(request.body);
    if (wrong) return wrong;
    const interruption = await it.interrupt(request);
    if (interruption) return interruption;
    const said = await it.say(asked(request.body), request), text = typeof said === 'string' ? said : JSON.stringify(said);
    const limit = request.body.max_tokens ?? request.body.max_completion_tokens ?? 65536;
    const { model } = request.body, promptTokens = tokens(JSON.stringify(request.body.messages));
    if (tokens(text) > limit) return answer(text.slice(0, limit * 4), { model, finish: 'length', promptTokens });
    return answer(text, { model, promptTokens });
  }, { port });
  it.base = `${it.url}/v1`;
  Object.assign(it, { say, interrupt });
  return it;
}
