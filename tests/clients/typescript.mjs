// The official TypeScript clients of Anthropic and OpenAI against the worker: node typescript.mjs ADDRESS KEY
import assert from 'node:assert/strict';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [address, apiKey] = process.argv.slice(2);
const question = 'Which DeepSeek model should I run on a 24 GB GPU?';
const city = { type: 'object', properties: { city: { type: 'string', maxLength: 12 } }, required: ['city'], additionalProperties: false };

const anthropic = new Anthropic({ baseURL: address, apiKey, maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${address}/v1`, apiKey, maxRetries: 0 });
const model = (await openai.models.list()).data[0].id;

async function messages() {
    const asked = { model, max_tokens: 300, temperature: 0, messages: [{ role: 'user', content: question }] };
    const whole = await anthropic.messages.create(asked);
    assert.equal(whole.stop_reason, 'end_turn');
    assert.match(whole.content[0].text, /14B/);
    const stream = anthropic.messages.stream(asked);
    let text = '';
    stream.on('text', (delta) => (text += delta));
    const final = await stream.finalMessage();
    assert.deepEqual([text, final.content[0].text], [whole.content[0].text, whole.content[0].text]);
    assert.equal(final.usage.output_tokens, whole.usage.output_tokens);

    const tools = [{ name: 'get_weather', description: 'Weather', input_schema: city }];
    const forced = { ...asked, tools, tool_choice: { type: 'any' } };
    const called = await anthropic.messages.stream(forced).finalMessage();
    const use = called.content.at(-1);
    assert.deepEqual([called.stop_reason, use.type, use.name, typeof use.input.city], ['tool_use', 'tool_use', 'get_weather', 'string']);

    const aborted = anthropic.messages.stream(asked);
    aborted.on('text', () => aborted.abort());
    await assert.rejects(aborted.finalMessage(), Anthropic.APIUserAbortError);
    await assert.rejects(anthropic.messages.create({ ...asked, model: 'claude-opus-4' }), Anthropic.NotFoundError);
    const stranger = new Anthropic({ baseURL: address, apiKey: 'wrong', maxRetries: 0 });
    await assert.rejects(stranger.messages.create(asked), Anthropic.AuthenticationError);
}

async function responses() {
    const asked = { model, temperature: 0, input: question };
    const whole = await openai.responses.create(asked);
    assert.match(whole.output_text, /14B/);
    const stream = openai.responses.stream(asked);
    let text = '';
    stream.on('response.output_text.delta', (event) => (text += event.delta));
    const final = await stream.finalResponse();
    assert.deepEqual([text, final.output_text, final.status], [whole.output_text, whole.output_text, 'completed']);

    const tools = [{ type: 'function', name: 'get_weather', description: 'Weather', parameters: city, strict: true }];
    const forced = { ...asked, tools, tool_choice: 'required' };
    const called = await openai.responses.stream(forced).finalResponse();
    const use = called.output.at(-1);
    assert.deepEqual([use.type, use.name, typeof JSON.parse(use.arguments).city], ['function_call', 'get_weather', 'string']);

    await assert.rejects(openai.responses.create({ ...asked, previous_response_id: 'resp_1' }), OpenAI.BadRequestError);
    await assert.rejects(openai.responses.create({ ...asked, model: 'gpt-5' }), OpenAI.NotFoundError);
}

async function chat() {
    const asked = { model, temperature: 0, messages: [{ role: 'user', content: question }] };
    const whole = await openai.chat.completions.create(asked);
    const runner = openai.chat.completions.stream(asked);
    assert.equal(await runner.finalContent(), whole.choices[0].message.content);
}

await messages();
await responses();
await chat();
console.log('the official clients are served');
