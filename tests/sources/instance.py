"""A Mastodon server on the loopback, as much of one as a reader of its timelines sees; it can be cut, stall and lie."""

import json
import queue
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CUT = object()


def status(at, said="Said", *, n=0, **more):
    """A status whose id tells `at` (aware, UTC)."""
    number = (int(at.timestamp() * 1000) << 16) + n
    return {
        "id": str(number), "created_at": at.isoformat().replace("+00:00", "Z"), "in_reply_to_id": None, "reblog": None,
        "spoiler_text": "", "visibility": "public", "language": "en", "edited_at": None, "content": f"<p>{said}</p>",
        "account": {"id": "7", "acct": "someone@example.org", "bot": False}, "tags": [],
    } | more  # fmt: skip


class Instance:
    """Use as a context manager. `statuses` is what its timelines show."""

    def __init__(self, statuses=()):
        self.statuses = list(statuses)
        self.token = None
        self.fail = []
        """Answers, as status or (status, headers), that are given in place of the next timelines."""
        self.ahead = timedelta(0)
        """How far its clock is ahead of ours."""
        self.asked = []
        self.connections = 0
        self._streams = []
        self._lock = threading.Lock()
        self._connected = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def date_time_string(self, *_):
                return format_datetime(datetime.now(UTC) + outer.ahead, usegmt=True)

            def do_GET(self):
                with suppress(BrokenPipeError, ConnectionResetError):
                    outer._answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def connected(self):
        """Wait for the next connection to a stream."""
        assert self._connected.acquire(timeout=20), "nobody connected to the stream"

    def say(self, event, data):
        """An event to all who listen."""
        data = data if isinstance(data, str) else json.dumps(data)
        self.send(f"event: {event}\ndata: {data}\n\n".encode())

    def post(self, *statuses, listed=True):
        """Statuses that are told to all who listen and, where listed, on the timeline."""
        self.statuses += statuses if listed else ()
        for one in statuses:
            self.say("update", one)

    def send(self, raw):
        """Bytes, whatever they mean, to all who listen."""
        with self._lock:
            for stream in self._streams:
                stream.put(raw)

    def cut(self):
        """Close every stream."""
        self.send(CUT)

    def _answer(self, request):
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.rstrip("/") == "/api/v2/instance":
            return self._json(request, {"configuration": {"urls": {"streaming": self.host.replace("http", "ws")}}})
        if url.path.startswith("/api/v1/streaming/"):
            return self._stream(request)
        if url.path.startswith("/api/v1/timelines/"):
            self.asked.append((url.path, query))
            if self.fail:
                failure = self.fail.pop(0)
                code, headers = failure if isinstance(failure, tuple) else (failure, {})
                return self._json(request, {"error": "no"}, code, headers)
            if self._refused(request):
                return self._json(request, {"error": "This method requires an authenticated user"}, 422)
            tag = url.path.partition("/tag/")[2]
            return self._json(request, self.page(tag, **query))
        return self._json(request, {"error": "Record not found"}, 404)

    def _refused(self, request):
        return self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}"

    def page(self, tag="", *, limit="20", min_id=None, since_id=None, max_id=None, **_):
        """What a timeline shows, newest first, as docs.joinmastodon.org/api/guidelines/#pagination has it."""
        found = [s for s in self.statuses if not tag or any(t["name"] == tag for t in s["tags"])]
        found.sort(key=lambda s: int(s["id"]))
        low = int(min_id or since_id or 0)
        found = [s for s in found if int(s["id"]) > low and (max_id is None or int(s["id"]) < int(max_id))]
        n = min(int(limit), 40)
        return (found[:n] if min_id is not None else found[-n:])[::-1]

    @staticmethod
    def _json(request, value, code=200, headers=None):
        body = json.dumps(value).encode()
        request.send_response(code)
        for name, said in {"Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(name, said)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request):
        if self._refused(request):
            return self._json(request, {"error": "Missing access token"}, 401)
        mine = queue.Queue()
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        self._chunk(request, b":)\n")
        with self._lock:
            self._streams.append(mine)
            self.connections += 1
        self._connected.release()
        request.close_connection = True
        try:
            while (raw := mine.get()) is not CUT:
                self._chunk(request, raw)
        finally:
            with self._lock:
                self._streams.remove(mine)

    @staticmethod
    def _chunk(request, raw):
        request.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        request.wfile.flush()
