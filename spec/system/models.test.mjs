// The fake servers of models, seen by the clients of others: what Google's and OpenAI's own libraries take for an answer, an
// error and a limit is one.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import * as google from './gemini.mjs';
import * as open from './openai.mjs';
import { opinion } from './opinions.mjs';

const TEXT = 'BTCUSDT 5m, bar 2026-01-05 00:00 UTC, closed at 100.5\nATR (14 bars, mean): 2, 2 % of the close\nside: short';
const SCHEMA = { type: 'object', properties: { decision: { type: 'string' } }, required: ['decision'], additionalProperties: false };

const gemini = await google.gemini(), openai = await open.openai();
after(() => Promise.all([gemini.close(), openai.close()]));

const genai = (apiKey = google.KEY) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: gemini.url } });
const ask = (changes = {}, config = {}) => genai(changes.key).models.generateContent({
  model: changes.model ?? 'gemini-3.8-flash', contents: TEXT,
  config: { systemInstruction: 'be brief', responseMimeType: 'application/json', responseJsonSchema: SCHEMA, maxOutputTokens: 2000, ...config },
});

test('Google: an answer, without its thoughts', async () => {
  const response = await ask();
  assert.deepEqual(JSON.parse(response.text), opinion(TEXT));
  assert.equal(response.candidates[0].finishReason, 'STOP');
  assert.equal(response.modelVersion, 'gemini-3.8-flash-001');
  assert.equal(response.usageMetadata.thoughtsTokenCount, 40);
  assert.ok(response.usageMetadata.promptTokenCount > 20);
});

test('Google: its client sends what ours does', () => {
  const { headers, body, path } = gemini.requests[0];
  assert.equal(headers['x-goog-api-key'], google.KEY);
  assert.equal(path, '/v1beta/models/gemini-3.8-flash:generateContent');
  assert.deepEqual(Object.keys(body).sort(), ['contents', 'generationConfig', 'systemInstruction']);
  assert.deepEqual(body.contents, [{ role: 'user', parts: [{ text: TEXT }] }]);
  assert.deepEqual(Object.keys(body.generationConfig).sort(), ['maxOutputTokens', 'responseJsonSchema', 'responseMimeType']);
});

const status = async promise => {
  try {
    await promise;
  } catch (error) {
    return [error.constructor.name, error.status, error.message];
  }
  return null;
};

test('Google: errors are errors to its client', async () => {
  const [kind, code, message] = await status(ask({ key: 'wrong' }));
  assert.deepEqual([kind, code], ['ApiError', 400]);
  assert.match(message, /API key not valid/);
  assert.equal((await status(ask({ model: 'gemini-9' })))[1], 404);
  assert.equal((await status(ask({}, { thinkingConfig: { thinkingBudget: 0 } })))[1], 400);
  assert.equal((await status(ask({}, { thinkingConfig: { thinkingLevel: 'MINIMAL' } })))[1], 400);
  assert.equal(await status(ask({}, { thinkingConfig: { thinkingLevel: 'LOW' } })), null);
  assert.equal(await status(ask({ model: 'gemini-2.5-flash' }, { thinkingConfig: { thinkingBudget: 0 } })), null);
});

test('Google: a limit, with its details', async () => {
  gemini.interrupt = () => google.limited({ delay: '47s', daily: true });
  const [kind, code, message] = await status(ask());
  gemini.interrupt = () => null;
  assert.deepEqual([kind, code], ['ApiError', 429]);
  const body = JSON.parse(message);
  assert.equal(body.error.status, 'RESOURCE_EXHAUSTED');
  assert.equal(body.error.details.find(d => d['@type'].endsWith('RetryInfo')).retryDelay, '47s');
  assert.match(body.error.details.find(d => d['@type'].endsWith('QuotaFailure')).violations[0].quotaId, /PerDay/);
});

test('Google: too few tokens are no text', async () => {
  const response = await ask({}, { maxOutputTokens: 10 });
  assert.equal(response.text, undefined);
  assert.equal(response.candidates[0].finishReason, 'MAX_TOKENS');
});

const client = (apiKey = open.KEY) => new OpenAI({ apiKey, baseURL: openai.base, maxRetries: 0 });
const complete = (changes = {}, key) => client(key).chat.completions.create({
  model: 'some/model', messages: [{ role: 'system', content: 'be brief' }, { role: 'user', content: TEXT }], max_tokens: 2000,
  response_format: { type: 'json_schema', json_schema: { name: 'analysis', strict: true, schema: SCHEMA } }, ...changes,
});

test('OpenAI: an answer', async () => {
  const response = await complete();
  assert.deepEqual(JSON.parse(response.choices[0].message.content), opinion(TEXT));
  assert.equal(response.choices[0].finish_reason, 'stop');
  assert.equal(response.model, 'some/model');
  assert.ok(response.usage.prompt_tokens > 10);
});

test('OpenAI: errors and limits are such to its client', async () => {
  const [kind, code] = await status(complete({}, 'wrong'));
  assert.deepEqual([kind, code], ['AuthenticationError', 401]);
  assert.equal((await status(complete({ messages: [] })))[1], 400);
  openai.interrupt = () => open.limited(3);
  try {
    await complete();
    assert.fail('no error');
  } catch (error) {
    assert.equal(error.status, 429);
    assert.equal(error.headers.get('retry-after'), '3');
    assert.equal(error.code, 'rate_limit_exceeded');
  }
  openai.interrupt = () => null;
  assert.equal((await complete({ max_tokens: 5 })).choices[0].finish_reason, 'length');
});
