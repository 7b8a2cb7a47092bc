"""The official OpenAI client against the worker: python openai_chat.py ADDRESS KEY"""
import json
import sys

import jsonschema
import openai

address, key = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key)
QUESTION = [{"role": "user", "content": "Which DeepSeek model should I run on a 24 GB GPU?"}]

model = client.models.list().data[0].id
whole = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, logprobs=True, top_logprobs=2)
text = whole.choices[0].message.content
assert "14B" in text, text
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
logprobs = whole.choices[0].logprobs.content
assert len(logprobs) == whole.usage.completion_tokens and len(logprobs[0].top_logprobs) == 2, logprobs

pieces, usage = [], None
for chunk in client.chat.completions.create(
    model=model, messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}
):
    pieces += [choice.delta.content or "" for choice in chunk.choices]
    usage = chunk.usage or usage
assert "".join(pieces) == text, (pieces, text)
assert usage.completion_tokens == whole.usage.completion_tokens

stopped = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, stop=["14B"])
assert stopped.choices[0].message.content == text.split("14B")[0]

plain = client.completions.create(model=model, prompt="DeepSeek is", max_tokens=8, temperature=0, logprobs=1)
count = plain.usage.completion_tokens
assert plain.choices[0].text and 0 < count <= 8, plain
assert len(plain.choices[0].logprobs.tokens) == count == len(plain.choices[0].logprobs.top_logprobs), plain
cut = client.completions.create(model=model, prompt="DeepSeek is", max_tokens=1, temperature=0)
assert cut.choices[0].finish_reason == "length" and plain.choices[0].text.startswith(cut.choices[0].text), cut
streamed = client.completions.create(model=model, prompt="DeepSeek is", max_tokens=8, temperature=0, stream=True)
assert "".join(chunk.choices[0].text for chunk in streamed) == plain.choices[0].text

TIME = {"type": "function", "function": {"name": "get_time", "description": "Now",
                                          "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}}
ASKED = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
history = QUESTION + [
    {"role": "assistant", "content": None, "tool_calls": [ASKED]},
    {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
    {"role": "user", "content": [{"type": "text", "text": "Thanks"}]},
]
told = client.chat.completions.create(model=model, messages=history, tools=[TIME], max_tokens=4)
untold = client.chat.completions.create(model=model, messages=history, tools=[TIME], tool_choice="none", max_tokens=4)
assert told.usage.prompt_tokens > untold.usage.prompt_tokens, (told.usage, untold.usage)

SCHEMA = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "maxLength": 40},
        "size": {"type": "integer", "minimum": 1, "maximum": 999},
        "fits": {"enum": ["yes", "no"]},
    },
    "required": ["model", "size", "fits"],
    "additionalProperties": False,
}
for temperature in (0, 1):
    held = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=temperature, seed=3, max_tokens=300,
        response_format={"type": "json_schema", "json_schema": {"name": "choice", "schema": SCHEMA, "strict": True}},
    )
    assert held.choices[0].finish_reason == "stop", held
    jsonschema.validate(json.loads(held.choices[0].message.content), SCHEMA)

TOWN = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
        "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": TOWN}}
forced = {"model": model, "messages": QUESTION, "tools": [TIME, WEATHER], "temperature": 0, "max_tokens": 300}
forced["tool_choice"] = {"type": "function", "function": {"name": "get_weather"}}
called = client.chat.completions.create(**forced).choices[0]
assert called.finish_reason == "tool_calls" and called.message.content is None, called
(call,) = called.message.tool_calls
assert call.function.name == "get_weather" and call.id
jsonschema.validate(json.loads(call.function.arguments), TOWN)
name, arguments, ends = "", "", []
for chunk in client.chat.completions.create(**forced, stream=True):
    for part in chunk.choices[0].delta.tool_calls or []:
        name += part.function.name or ""
        arguments += part.function.arguments or ""
    ends.append(chunk.choices[0].finish_reason)
assert (name, arguments) == ("get_weather", call.function.arguments) and ends[-1] == "tool_calls", (name, arguments, ends)
any_call = client.chat.completions.create(**(forced | {"tool_choice": "required"})).choices[0].message.tool_calls
assert any_call[0].function.name in ("get_time", "get_weather")

# What the client, and frameworks on it, send along without a wish.
harmless = client.chat.completions.create(
    model=model, messages=QUESTION, temperature=0, n=1, logit_bias={}, presence_penalty=0, frequency_penalty=0, user="somebody",
    response_format={"type": "text"}, top_logprobs=None, logprobs=None, tools=None, tool_choice=None, stop=None, seed=None,
    metadata={"a": "b"}, store=False, service_tier="auto", parallel_tool_calls=True, modalities=["text"],
    prompt_cache_key="x", safety_identifier="y", stream_options=None, max_tokens=None,
)
assert harmless.choices[0].message.content == text, harmless
# An answer as the client dumps it, sent back with every field.
back = QUESTION + [harmless.choices[0].message.model_dump(), {"role": "user", "content": ["Thanks"]}]
client.chat.completions.create(model=model, messages=back, max_tokens=4)
assert client.models.retrieve(model).id == model

half = QUESTION + [{"role": "assistant", "content": text[:20]}]
rest = client.chat.completions.create(
    model=model, messages=half, temperature=0, extra_body={"continue_final_message": True}
)
assert rest.choices[0].message.content and not rest.choices[0].message.content.startswith(text[:20]), rest

for call, status in [
    (lambda: client.completions.create(model=model, prompt="a", suffix="b"), 400),
    (lambda: client.chat.completions.create(
        model=model, messages=QUESTION,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}), 400),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, tools=[TIME], tool_choice="perhaps"), 400),
    (lambda: client.chat.completions.create(model="gpt-4o", messages=QUESTION), 404),
    (lambda: client.models.retrieve("gpt-4o"), 404),
    (lambda: client.embeddings.create(model=model, input="a"), 404),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, logit_bias={"5": 1}), 400),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, verbosity="low"), 400),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, max_tokens=0), 400),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, extra_body={"no_such": 1}), 400),
    (lambda: openai.OpenAI(base_url=f"{address}/v1", api_key="wrong").models.list(), 401),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, temperature=3), 400),
    (lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "a b " * 9000}]), 400),
]:
    try:
        call()
    except openai.APIStatusError as error:
        assert error.status_code == status and error.body["message"], error
    else:
        raise AssertionError("it should have been refused")
again = client.chat.completions.create(model=model, messages=QUESTION, temperature=0).usage.model_extra["whaledeck"]
assert again["prefix_tokens"] > 0 and again["first_token_ms"] > 0 and again["token_ms"] > 0, again
assert again["drafts"]["drafter"] == "mtp" and len(again["drafts"]["accepted"]) == len(again["drafts"]["offered"]), again

ledger = client.get("/whaledeck/memory", cast_to=object)
assert ledger["weights"]["measured"] and ledger["cache"]["predicted"] == ledger["cache"]["measured"], ledger
routing = client.get("/whaledeck/routing", cast_to=object)
assert routing["experts"] == 32 and routing["tokens"] and routing["tokens"][0]["layers"], str(routing)[:300]
print("the official client is served")
