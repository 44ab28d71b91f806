// A fake of Google's generateContent, as strict about requests as the real one is documented to be.
//
//   const it = await gemini({ say: (text, request) => object or text, interrupt: request => answer of fake.mjs or null })
import { fake } from './fake.mjs';
import { opinion, tokens } from './opinions.mjs';

export const KEY = 'fake-gemini-key';
const MODELS = ['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-3.6-flash', 'gemini-3.7-flash', 'gemini-3.8-flash', 'gemini-flash-latest'];
const KNOWN = {
  body: ['contents', 'systemInstruction', 'generationConfig', 'safetySettings', 'tools', 'cachedContent'],
  generationConfig: ['temperature', 'topP', 'topK', 'candidateCount', 'maxOutputTokens', 'stopSequences', 'seed', 'responseMimeType', 'responseSchema',
    'responseJsonSchema', 'thinkingConfig'],
  thinkingConfig: ['includeThoughts', 'thinkingBudget', 'thinkingLevel'],
};

export function error(code, status, message, details) {
  return { status: code, body: { error: { code, message, status, ...(details ? { details } : {}) } } };
}

/** 429 as Google sends it. `daily`: the quota of the day. */
export function limited({ delay = '2s', daily = false } = {}) {
  const quotaId = daily ? 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' : 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier';
  return error(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan and billing details.', [
    { '@type': 'type.googleapis.com/google.rpc.Help', links: [{ description: 'Learn more', url: 'https://ai.google.dev/gemini-api/docs/rate-limits' }] },
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaMetric: 'm', quotaId, quotaDimensions: { model: 'x', location: 'global' } }] },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: delay }]);
}

/** A whole answer. `text`: of the one part that is no thought. */
export function answer(text, { model = 'gemini-3.8-flash', finishReason = 'STOP', promptTokens = 100, thoughts = 40 } = {}) {
  const candidatesTokenCount = tokens(text);
  return {
    status: 200, body: {
      candidates: [{
        content: { role: 'model', parts: [...(thoughts ? [{ text: 'thinking', thought: true }] : []), { text, thoughtSignature: 'c2lnbmF0dXJl' }] }, finishReason, index: 0,
      }],
      usageMetadata: {
        promptTokenCount: promptTokens, candidatesTokenCount, thoughtsTokenCount: thoughts, totalTokenCount: promptTokens + candidatesTokenCount + thoughts,
      },
      modelVersion: `${model}-001`, responseId: 'r1',
    },
  };
}

const invalid = message => error(400, 'INVALID_ARGUMENT', message);

function complaint(model, body) {
  const config = body.generationConfig ?? {}, thinking = config.thinkingConfig ?? {};
  for (const [name, object] of [['body', body], ['generationConfig', config], ['thinkingConfig', thinking]])
    for (const key of Object.keys(object)) if (!KNOWN[name].includes(key)) return invalid(`Invalid JSON payload received. Unknown name "${key}" at '${name}'`);
  if (!Array.isArray(body.contents) || body.contents.length === 0) return invalid('contents is not specified');
  if (body.contents.some(c => !['user', 'model'].includes(c.role) || !c.parts?.every(p => typeof p.text === 'string'))) return invalid('bad contents');
  if (config.responseSchema && config.responseJsonSchema) return invalid('responseSchema and responseJsonSchema');
  if (config.responseJsonSchema && config.responseMimeType !== 'application/json') return invalid('a schema needs responseMimeType');
  if (thinking.thinkingBudget !== undefined && thinking.thinkingLevel !== undefined) return invalid('thinkingBudget and thinkingLevel');
  if (thinking.thinkingLevel !== undefined && /2\.5/.test(model)) return invalid('thinkingLevel is for Gemini 3');
  if (thinking.thinkingBudget !== undefined && !/2\.5/.test(model)) return invalid('thinkingBudget is for Gemini 2.5');
  if (thinking.thinkingLevel === 'MINIMAL' && /3\.[78]/.test(model)) return invalid('MINIMAL');
  if (thinking.thinkingBudget === 0 && /pro/.test(model)) return invalid('this model only works in thinking mode');
  if (thinking.thinkingLevel !== undefined && !['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'].includes(thinking.thinkingLevel)) return invalid('thinkingLevel');
  return null;
}

/** The last text of the user. */
export const asked = body => body.contents.filter(c => c.role === 'user').at(-1).parts.map(p => p.text).join('');

export async function gemini({ say = text => opinion(text), interrupt = () => null, port } = {}) {
  const it = await fake(async request => {
    const path = /^\/v1beta\/models\/([^:?]+):generateContent$/.exec(request.path);
    if (request.method !== 'POST' || !path) return error(404, 'NOT_FOUND', `no ${request.method} ${request.path}`);
    if (request.headers['x-goog-api-key'] !== KEY) return error(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.');
    const model = path[1];
    if (!MODELS.includes(model)) return error(404, 'NOT_FOUND', `models/${model} is not found for API version v1beta`);
    const wrong = complaint(model, request.body);
    if (wrong) return wrong;
    const interruption = await it.interrupt(request);
    if (interruption) return interruption;
    const said = await it.say(asked(request.body), request), text = typeof said === 'string' ? said : JSON.stringify(said);
    const whole = answer(text, { model, promptTokens: tokens(JSON.stringify(request.body)) });
    const limit = request.body.generationConfig?.maxOutputTokens ?? 65536;
    if (tokens(text) + 40 <= limit) return whole;
    whole.body.candidates[0] = { finishReason: 'MAX_TOKENS', index: 0 };
    return whole;
  }, { port });
  Object.assign(it, { say, interrupt });
  return it;
}
