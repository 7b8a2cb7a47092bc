#!/usr/bin/env python3
"""A worker that loses its card in the middle of an answer, and answers on the processor (--place cpu)."""
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

on_processor = "--place" in sys.argv and sys.argv[sys.argv.index("--place") + 1] == "cpu"
REASON = "an illegal memory access was encountered"


def line(**event):
    print(json.dumps(event), flush=True)


def end():
    error = {"code": "card_lost", "message": f"compute on the card: {REASON}", "detail": {"reason": REASON}}
    line(event="failed", error=error)
    os._exit(1)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ["A **24 GB**", " card runs"]:
            self.event({"choices": [{"index": 0, "delta": {"content": word}}]})
        if on_processor:
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.wfile.write(b"data: [DONE]\n\n")
            return
        message = f"the graphics card stopped working: {REASON}"
        self.event({"error": {"message": message, "type": "server_error", "code": "card_lost"}})
        threading.Timer(0.3, end).start()

    def event(self, value):
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.flush()


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
line(event="listening", address=f"http://127.0.0.1:{server.server_port}")
card = {"kind": "card", "index": 0, "name": "Test Card", "used": 900000000}
place = {"kind": "cpu", "threads": 2} if on_processor else card
line(event="ready", model="guide", context_length=2048, threads=2, place=place)
server.serve_forever()
