"""In place of a ComfyUI: it answers with the lines of its environment, else of the order, and obeys some of them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["FRUGAL_MOTION_WORKER"]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        known = json.loads(os.environ.get("ABOUT", "{}"))
        self._answer(200 if self._is_owner() else 401, json.dumps({"worker": "", **known}).encode())

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print("asked", json.dumps(order), flush=True)
        self.send_response(200 if self._is_owner() else 401)
        self.end_headers()
        try:
            for line in json.loads(os.environ.get("ANSWER_LINES") or order["prompts"][0]["1"]["class_type"]):
                self._obey(line)
        except ConnectionError:
            print("nobody reads", flush=True)

    def _obey(self, line):
        if "dies" in line:
            print("last words", flush=True)
            os._exit(line["dies"])
        if "waits" in line:
            while True:
                self.wfile.write(b"")
                self.connection.settimeout(0.05)
                try:
                    if self.connection.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    time.sleep(0.05)
        self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

    def _is_owner(self):
        return self.headers.get("Authorization") == f"Bearer {SECRET}"

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def follow():
    while os.read(0, 4096):
        pass
    os._exit(3)


if __name__ == "__main__":
    print("env", json.dumps(dict(os.environ)), flush=True)
    print("argv", json.dumps(sys.argv[1:]), flush=True)
    if "STARTS_NOT" in os.environ:
        sys.exit(int(os.environ["STARTS_NOT"]))
    threading.Thread(target=follow, daemon=True).start()
    port = int(sys.argv[sys.argv.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Answers).serve_forever()
