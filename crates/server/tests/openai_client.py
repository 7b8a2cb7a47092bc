"""The official OpenAI client against the worker: python openai_client.py ADDRESS KEY"""
import sys

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

for call, status in [
    (lambda: openai.OpenAI(base_url=f"{address}/v1", api_key="wrong").models.list(), 401),
    (lambda: client.chat.completions.create(model=model, messages=QUESTION, temperature=3), 400),
    (lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "a b " * 9000}]), 400),
]:
    try:
        call()
    except openai.APIStatusError as error:
        assert error.status_code == status, error
    else:
        raise AssertionError("it should have been refused")
print("the official client is served")
