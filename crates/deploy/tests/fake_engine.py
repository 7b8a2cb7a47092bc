"""Stands in for an engine: takes the flags of llama-server, SGLang or vLLM that say host, port and name, and speaks health,
models, metrics and chat. FAKE says how it behaves: ready, slow (loads, and says so, until there is a file "go"), crash, once (crashes at its first start), hang."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

words = sys.argv[1:]


def value(*names):
    for name in names:
        if name in words:
            return words[words.index(name) + 1]
    return ""


mode, here = os.environ.get("FAKE", "ready"), os.environ.get("FAKE_DIR", ".")
host, port = value("--host") or "127.0.0.1", int(value("--port") or 0)
name = value("--alias", "--served-model-name")
print("fake engine", mode, "rank", value("--node-rank") or 0, "of", os.environ.get("LEADER", ""), flush=True)
tokens = 0
mute = threading.Event()


def starts():
    path = os.path.join(here, "starts")
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


count = starts()
if mode == "crash" or (mode == "once" and count == 1):
    print("out of memory: 80 GB wanted", flush=True)
    sys.exit(3)
if mode == "hang":
    print("loading weights", flush=True)
    signal.pause()
if mode == "slow":
    part = 0
    while not os.path.exists(os.path.join(here, "go")):
        part += 1
        print(f"loading shard {part}", end="\r", flush=True)
        time.sleep(0.05)


class Door(BaseHTTPRequestHandler):
    def say(self, text, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if mute.is_set():
            time.sleep(1000)
        if self.path == "/health":
            self.say("{}")
        elif self.path == "/v1/models":
            self.say(json.dumps({"data": [{"id": name}]}))
        elif self.path == "/metrics":
            self.say(
                f"llamacpp:tokens_predicted_total {tokens}\nllamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n",
                "text/plain",
            )
        elif self.path == "/die":
            os._exit(9)
        elif self.path == "/mute":
            self.say("{}")
            mute.set()
        else:
            self.send_error(404)

    def do_POST(self):
        global tokens
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ["You ", "said: ", asked["messages"][-1]["content"]]:
            tokens += 1
            part = {"choices": [{"delta": {"content": word}}]}
            self.wfile.write(f"data: {json.dumps(part)}\n\n".encode())
        end = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 3}}
        self.wfile.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())

    def log_message(self, *_):
        pass


print(f"listening on {host}:{port}", flush=True)
ThreadingHTTPServer((host, port), Door).serve_forever()
