"""What is asked of a server, against one that says what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from frugal_motion.tools.server import Server, ServerError


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400 if self.path == "/refused" else 200)
        self.end_headers()
        said = {"path": self.path, "type": self.headers["Content-Type"], "body": json.loads(body)}
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with HTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        yield Server(f"http://127.0.0.1:{echo.server_port}", tmp_path, tmp_path / "log", None)
        echo.shutdown()


def test_a_body_is_sent_as_json(server: Server) -> None:
    said = {"path": "/jobs", "type": "application/json", "body": {"a": [1, None]}}
    assert server.post("/jobs", {"a": [1, None]}) == said


def test_why_a_body_was_refused_is_told(server: Server) -> None:
    with pytest.raises(ServerError, match=r"/refused: 400 .*\[7\]"):
        server.post("/refused", [7])
