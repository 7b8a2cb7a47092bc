"""The official OpenAI client and its Responses API against the worker: python openai_responses.py ADDRESS KEY"""
import json
import sys

import jsonschema
import openai
from pydantic import BaseModel

address, key = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
QUESTION = "Which DeepSeek model should I run on a 24 GB GPU?"

model = client.models.list().data[0].id
asked = {"model": model, "input": QUESTION, "temperature": 0}
whole = client.responses.create(**asked)
text = whole.output_text
assert "14B" in text and whole.status == "completed" and whole.error is None, whole
assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens, whole.usage
assert whole.store is False and whole.output[0].status == "completed", whole

events = list(client.responses.create(**asked, stream=True))
kinds = [event.type for event in events]
assert [event.sequence_number for event in events] == list(range(len(events))), kinds
assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"], kinds
assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"], kinds
assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == text
final = events[-1].response
assert final.output_text == text and final.usage.output_tokens == whole.usage.output_tokens, final
assert final.usage.input_tokens_details.cached_tokens > 0, final.usage
with client.responses.stream(**asked) as stream:
    assert stream.until_done().get_final_response().output_text == text

cut = client.responses.create(**asked, max_output_tokens=3)
assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens"), cut
assert cut.usage.output_tokens == 3, cut.usage
told = client.responses.create(**asked, instructions="Be brief.")
assert told.usage.input_tokens > whole.usage.input_tokens and told.instructions == "Be brief.", told

TOWN = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
        "additionalProperties": False}
TOOLS = [{"type": "function", "name": "get_weather", "description": "Weather", "parameters": TOWN, "strict": True}]
forced = asked | {"tools": TOOLS, "tool_choice": {"type": "function", "name": "get_weather"}}
called = client.responses.create(**forced)
(use,) = [item for item in called.output if item.type == "function_call"]
assert use.name == "get_weather" and use.call_id and use.status == "completed", use
jsonschema.validate(json.loads(use.arguments), TOWN)
streamed = list(client.responses.create(**(forced | {"tool_choice": "required"}), stream=True))
arguments = [event for event in streamed if event.type.startswith("response.function_call_arguments")]
assert "".join(event.delta for event in arguments[:-1]) == arguments[-1].arguments == use.arguments, arguments

# A conversation as clients send it on: their own items and those of the answer, with every field.
turns = [{"role": "user", "content": QUESTION}, {"type": "reasoning", "id": "rs_1", "summary": []}]
turns += [item.model_dump() for item in called.output]
turns += [{"type": "function_call_output", "call_id": use.call_id, "output": "18 degrees"}]
turns += [item.model_dump() for item in whole.output] + [{"role": "user", "content": [{"type": "input_text", "text": "Thanks"}]}]
client.responses.create(model=model, input=turns, tools=TOOLS, max_output_tokens=4, include=["reasoning.encrypted_content"], store=False)


class Choice(BaseModel):
    fits: bool


parsed = client.responses.parse(**asked, text_format=Choice, max_output_tokens=300)
assert isinstance(parsed.output_parsed, Choice), parsed

for call, status in [
    (lambda: client.responses.create(**(asked | {"model": "gpt-5"})), 404),
    (lambda: client.responses.create(**asked, previous_response_id="resp_1"), 400),
    (lambda: client.responses.create(**asked, tools=[{"type": "web_search"}]), 400),
    (lambda: client.responses.create(**asked, max_output_tokens=0), 400),
    (lambda: client.responses.create(**asked, background=True), 400),
    (lambda: client.responses.create(**asked, extra_body={"no_such": 1}), 400),
    (lambda: client.responses.create(**(asked | {"input": [{"type": "item_reference", "id": "x"}]})), 400),
    (lambda: client.responses.create(**(asked | {"input": "a b " * 9000})), 400),
    (lambda: openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0).responses.create(**asked), 401),
]:
    try:
        call()
    except openai.APIStatusError as error:
        assert error.status_code == status and error.body["message"], error
    else:
        raise AssertionError("it should have been refused")
print("the official client is served")
