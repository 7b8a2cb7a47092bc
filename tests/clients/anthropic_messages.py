"""The official Anthropic client against the worker: python anthropic_messages.py ADDRESS KEY"""
import json
import sys

import anthropic
import jsonschema

address, key = sys.argv[1:3]
client = anthropic.Anthropic(base_url=address, api_key=key, max_retries=0)
QUESTION = [{"role": "user", "content": "Which DeepSeek model should I run on a 24 GB GPU?"}]

model = client.models.list().data[0].id
# This version of the client has no parameter for the temperature any more; the worker takes the field.
GREEDY = {"temperature": 0}
asked = {"model": model, "messages": QUESTION, "max_tokens": 300, "extra_body": GREEDY}
whole = client.messages.create(**asked)
(block,) = whole.content
assert block.type == "text" and "14B" in block.text, whole
assert (whole.type, whole.role, whole.stop_reason, whole.model) == ("message", "assistant", "end_turn", model), whole


def read(usage):
    return usage.input_tokens + usage.cache_read_input_tokens


with client.messages.stream(**asked) as stream:
    assert "".join(stream.text_stream) == block.text
    final = stream.get_final_message()
assert final.content[0].text == block.text and final.stop_reason == "end_turn", final
assert final.usage.output_tokens == whole.usage.output_tokens and read(final.usage) == read(whole.usage), final
assert final.usage.cache_read_input_tokens > 0, "the second time the prompt is in the prefix cache"
kinds = [event.type for event in client.messages.create(**asked, stream=True)]
assert kinds[:2] == ["message_start", "content_block_start"], kinds
assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"], kinds
counted = client.messages.count_tokens(model=model, messages=QUESTION)
assert counted.input_tokens == read(whole.usage), counted

stopped = client.messages.create(**asked, stop_sequences=["14B", "never"])
assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "14B"), stopped
assert stopped.content[0].text == block.text.split("14B")[0], stopped
cut = client.messages.create(**(asked | {"max_tokens": 3}))
assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 3), cut
begun = QUESTION + [{"role": "assistant", "content": block.text[:20]}]
rest = client.messages.create(**(asked | {"messages": begun}))
assert rest.content and not rest.content[0].text.startswith(block.text[:20]), rest

# The first block of Claude Code's system prompt differs with every request and is not for the model.
system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=abcde;"}
plain = client.messages.count_tokens(model=model, messages=QUESTION, system="Be brief.").input_tokens
assert plain > counted.input_tokens
assert client.messages.count_tokens(model=model, messages=QUESTION, system=[billing] + system).input_tokens == plain

TOWN = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
        "additionalProperties": False}
TOOLS = [{"name": "get_time", "description": "Now", "input_schema": {"type": "object", "properties": {}, "additionalProperties": False}},
         {"name": "get_weather", "description": "Weather", "input_schema": TOWN, "cache_control": {"type": "ephemeral"}}]
forced = asked | {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "get_weather"}}
called = client.messages.create(**forced)
assert called.stop_reason == "tool_use", called
(use,) = [block for block in called.content if block.type == "tool_use"]
assert use.name == "get_weather" and use.id, use
jsonschema.validate(use.input, TOWN)
with client.messages.stream(**forced) as stream:
    streamed = stream.get_final_message()
assert streamed.content[-1].input == use.input and streamed.stop_reason == "tool_use", streamed
either = client.messages.create(**(forced | {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}))
assert [block.name for block in either.content if block.type == "tool_use"][0] in ("get_time", "get_weather"), either

result = {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": "18 degrees"}]}
turns = QUESTION + [{"role": "assistant", "content": called.content},
                    {"role": "user", "content": [result, {"type": "text", "text": "Thanks"}]}]
client.messages.create(**(asked | {"messages": turns, "tools": TOOLS, "max_tokens": 4}))

SCHEMA = {"type": "object", "properties": {"fits": {"enum": ["yes", "no"]}}, "required": ["fits"], "additionalProperties": False}
form = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}}
held = client.messages.create(**(asked | {"extra_body": GREEDY | form}))
jsonschema.validate(json.loads(held.content[0].text), SCHEMA)

# What Claude Code sends with every request.
sent = {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "thinking": {"type": "enabled", "budget_tokens": 1024}}
harmless = client.messages.create(**(asked | {"extra_body": GREEDY | sent}), metadata={"user_id": "somebody"})
assert harmless.content[0].text == block.text, harmless

for call, kind in [
    (lambda: client.messages.create(**(asked | {"model": "claude-opus-4"})), "not_found_error"),
    (lambda: client.messages.create(**(asked | {"max_tokens": 0})), "invalid_request_error"),
    (lambda: client.messages.create(**(asked | {"extra_body": {"temperature": 3}})), "invalid_request_error"),
    (lambda: client.messages.create(**(asked | {"extra_body": {"no_such": 1}})), "invalid_request_error"),
    (lambda: client.messages.create(**(asked | {"extra_body": {"thinking": {"type": "perhaps"}}})), "invalid_request_error"),
    (lambda: client.messages.create(**asked, tools=[{"type": "web_search_20250305", "name": "web_search"}]), "invalid_request_error"),
    (lambda: client.messages.create(**(asked | {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]})), "invalid_request_error"),
    (lambda: anthropic.Anthropic(base_url=address, api_key="wrong", max_retries=0).messages.create(**asked), "authentication_error"),
    (lambda: client.messages.count_tokens(model="claude-opus-4", messages=QUESTION), "not_found_error"),
]:
    try:
        call()
    except anthropic.APIStatusError as error:
        assert error.body["type"] == "error" and error.body["error"]["type"] == kind, error.body
        assert error.body["error"]["message"], error.body
    else:
        raise AssertionError(f"it should have been refused: {kind}")
try:
    client.messages.create(**(asked | {"messages": [{"role": "user", "content": "a b " * 9000}]}))
except anthropic.BadRequestError as error:
    assert error.body["error"]["message"].startswith("prompt is too long: "), error.body
else:
    raise AssertionError("a prompt that is too long should have been refused")
print("the official client is served")
