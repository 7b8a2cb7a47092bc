"""A fake engine: takes the flags for host, port and name of llama-server, SGLang and vLLM, and serves health, models,
metrics and chat. FAKE sets its behaviour: ready; slow (logs while it loads, until a file "go" exists); memory and flag (exit
at once for that reason); crash; once (crashes at its first start); hang.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

args = sys.argv[1:]


def value(*names):
    for name in names:
        if name in args:
            return args[args.index(name) + 1]
    return ""


if args == ["--version"]:
    print("version: 6123 (fake)", file=sys.stderr)
    sys.exit()
mode, folder = os.environ.get("FAKE", "ready"), os.environ.get("FAKE_DIR", ".")
host, port = value("--host") or "127.0.0.1", int(value("--port") or 0)
name = value("--alias", "--served-model-name")
key = value("--api-key")
if key:
    print(f"api_key='{key}'", flush=True)
print("fake engine", mode, "rank", value("--node-rank") or 0, "of", os.environ.get("LEADER", ""), flush=True)
tokens = 0
hung = threading.Event()


def starts():
    path = os.path.join(folder, "starts")
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


count = starts()
if mode == "crash" or (mode == "once" and count == 1):
    print("Fatal Python error: Segmentation fault", flush=True)
    sys.exit(3)
if mode == "memory":
    # As vLLM exits: the reason first, then the errors of the processes that waited for it.
    print("ValueError: To serve at least one request with the models's max seq len (4096), (0.22 GiB KV cache is needed, which is larger than", end=" ")
    print("the available KV cache memory (0.11 GiB). Based on the available memory, the estimated maximum model length is 2060. Try increasing")
    for line in range(20):
        print(f"  File \"core.py\", line {line}, in run_engine_core")
    print("RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}", flush=True)
    sys.exit(1)
if mode == "flag":
    print("usage: llama-server [-h]\nerror: invalid argument: --reasoning-format", flush=True)
    sys.exit(1)
if mode == "hang":
    print("loading weights", flush=True)
    signal.pause()
if mode == "slow":
    part = 0
    while not os.path.exists(os.path.join(folder, "go")):
        part += 1
        print(f"loading shard {part}", end="\r", flush=True)
        time.sleep(0.05)


class Handler(BaseHTTPRequestHandler):
    def reply(self, text, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def authorized(self):
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            self.send_error(401)
            return False
        return True

    def do_GET(self):
        if hung.is_set():
            time.sleep(1000)
        if self.path == "/health":
            self.reply("{}")
        elif self.path == "/v1/models" and self.authorized():
            self.reply(json.dumps({"data": [{"id": name}]}))
        elif self.path == "/v1/models":
            pass
        elif self.path == "/metrics":
            self.reply(
                f"llamacpp:tokens_predicted_total {tokens}\nllamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n",
                "text/plain",
            )
        elif self.path == "/die":
            os._exit(9)
        elif self.path == "/mute":
            self.reply("{}")
            hung.set()
        else:
            self.send_error(404)

    def do_POST(self):
        global tokens
        if not self.authorized():
            return
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ["You ", "said: ", request["messages"][-1]["content"]]:
            tokens += 1
            part = {"choices": [{"delta": {"content": word}}]}
            self.wfile.write(f"data: {json.dumps(part)}\n\n".encode())
        end = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 3}}
        self.wfile.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())

    def log_message(self, *_):
        pass


print(f"listening on {host}:{port}", flush=True)
ThreadingHTTPServer((host, port), Handler).serve_forever()
