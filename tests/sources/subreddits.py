"""Reddit's API on the loopback, as much of it as a reader of listings sees."""

import json
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def submission(number, created, *, title="A title", text="Said", author="someone", community="stress", **more):
    name = f"t3_{number}"
    return {"kind": "t3", "data": {
        "id": number, "name": name, "created_utc": float(created), "title": title, "selftext": text, "author": author,
        "subreddit": community, "removed_by_category": None, "edited": False, **more,
    }}  # fmt: skip


def comment(number, created, *, text="Said", author="someone", community="stress", parent="t3_0", **more):
    return {"kind": "t1", "data": {
        "id": number, "name": f"t1_{number}", "created_utc": float(created), "body": text, "author": author,
        "subreddit": community, "parent_id": parent, "link_id": parent, "edited": False, **more,
    }}  # fmt: skip


class Subreddits:
    """Use as a context manager. `items` is what there is; a listing holds `most` of a kind."""

    def __init__(self):
        self.items, self.most, self.fail = [], 1000, []
        self.secret, self.asked, self.agents = "secret", [], set()
        self.closed = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.token(self)

            def do_GET(self):
                outer.answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def polls(self):
        """How often the newest submissions were asked for."""
        return sum(path.endswith("/new") and "after" not in query for path, query in self.asked)

    def change(self, name, **values):
        next(i for i in self.items if i["data"]["name"] == name)["data"].update(values)

    def token(self, request):
        import base64

        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(given) != f"client:{self.secret}".encode():
            return self._json(request, {"message": "Unauthorized", "error": 401}, 401)
        self._json(request, {"access_token": "t", "token_type": "bearer", "expires_in": 3600, "scope": "*"})
        return None

    def answer(self, request):
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = url.path.rstrip("/")
        self.asked.append((path, query))
        self.agents.add(request.headers["User-Agent"])
        if self.fail:
            code, headers = self.fail.pop(0)
            return self._json(request, {"error": code}, code, headers)
        if path == "/api/info":
            names = query["id"].split(",")
            return self._listing(request, [i for i in self.items if i["data"]["name"] in names], None)
        _, _, communities, listing = path.split("/")
        if set(communities.split("+")) <= self.closed:
            return self._json(request, {"reason": "private", "error": 403}, 403)
        kind = {"new": "t3", "comments": "t1"}[listing]
        found = [i for i in self.items if i["kind"] == kind and i["data"].get("subreddit") in communities.split("+")]
        found = sorted(found, key=lambda i: -i["data"].get("created_utc", 0))[: self.most]
        names = [i["data"]["name"] for i in found]
        first = names.index(query["after"]) + 1 if query.get("after") in names else 0
        n = min(int(query.get("limit", 25)), 100)
        page = found[first : first + n]
        more = first + n < len(found)
        return self._listing(request, page, page[-1]["data"]["name"] if page and more else None)

    def _listing(self, request, children, after):
        self._json(request, {"kind": "Listing", "data": {"children": children, "after": after, "before": None}})

    @staticmethod
    def _json(request, value, code=200, headers=None):
        body = json.dumps(value).encode()
        request.send_response_only(code)
        for name, said in {
            "Date": formatdate(time.time(), usegmt=True), "Content-Type": "application/json", **(headers or {}),
        }.items():  # fmt: skip
            request.send_header(name, said)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
