"""The server: `streamlit run serve.py` (which is `make app`).

Around the pages of `app.py` it compresses the browser's scripts, sets headers that keep a browser careful, and imports
what the pages need before the first visitor comes. `streamlit run app.py` shows the same pages without these.
"""

from __future__ import annotations

import ast
import gc
import gzip
import importlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

HERE = Path(__file__).resolve().parent

KEPT_BYTES = 32 * 1024 * 1024
"""Compressed scripts held in memory at most; all that Streamlit ships come to about 7 MB."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}


class CarefulHeaders:
    """Add `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class CompressedScripts:
    """Send scripts and styles gzipped, each compressed once and kept.

    Streamlit leaves its `/static/` files as they are, since compressing them anew for every visitor costs more than
    it saves; plotly's alone is 4.7 MB. Their names carry a hash of the content, so what is kept never goes stale.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[str, list[Message]] = {}
        self._bytes = 0
        self._lock = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not _wants_gzip(scope):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path not in self._kept:
            # One at a time: of many first visitors, the first compresses and the others wait for it.
            async with self._lock:
                if path not in self._kept:
                    answer = await self._compress(scope, receive)
                    size = sum(len(message.get("body", b"")) for message in answer)
                    if not _immutable(answer[0]) or self._bytes + size > KEPT_BYTES:
                        for message in answer:
                            await send(message)
                        return
                    self._kept[path] = answer
                    self._bytes += size
        start, body = self._kept[path]
        await send({**start, "headers": list(start["headers"])})
        await send(body)

    async def _compress(self, scope: Scope, receive: Receive) -> list[Message]:
        """The app's answer as two messages, its body compressed when it is what was asked for."""
        start: dict[str, Any] = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self.app(scope, receive, collect)
        content = bytes(body)
        if _immutable(start):
            content = await anyio.to_thread.run_sync(gzip.compress, content, 6)
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(content))
            headers.add_vary_header("Accept-Encoding")
            start["headers"] = headers.raw
        return [start, {"type": "http.response.body", "body": content}]


def _wants_gzip(scope: Scope) -> bool:
    """Whether a request is a plain one for a script or style, of a browser that reads gzip."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    if not path.startswith("/static/") or not path.endswith((".js", ".css")):
        return False
    headers = Headers(scope=scope)
    return "gzip" in headers.get("accept-encoding", "") and not {"range", "if-none-match"} & set(headers)


def _immutable(start: Message) -> bool:
    """Whether an answer is a file that never changes (for an unknown name Streamlit sends its index page)."""
    return start["status"] == 200 and "immutable" in Headers(raw=start["headers"]).get("cache-control", "")


def warm() -> None:
    """Import what the frame and the pages import at their top, so that no visitor waits for it."""
    for script in (HERE / "app.py", *sorted((HERE / "pages").glob("*/*.py"))):
        for name in _imports(script):
            try:
                importlib.import_module(name)
            except Exception:
                # The page itself will say so; the others should come up.
                logging.getLogger("primetime").exception("%s can't import %s", script.name, name)


def _imports(script: Path) -> list[str]:
    """Names of the modules that a script imports at its top."""
    names: list[str] = []
    for statement in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names.append(statement.module)
            # `from ui import state`: the name may be a module of the package.
            folder = HERE / statement.module.replace(".", "/")
            names += [f"{statement.module}.{a.name}" for a in statement.names if (folder / f"{a.name}.py").is_file()]
    return names


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Warm up before the first visitor."""
    # Until `st.navigation` has run once, Streamlit takes the folder `pages` for its old kind of pages, and tells the
    # first visitor who follows a deep link that there is no such page.
    PagesManager.uses_pages_directory = False
    warm()
    # Streamlit collects garbage after every run of a page; what the imports made is never garbage, and freezing it
    # keeps those collections from walking all of it again.
    gc.collect()
    gc.freeze()
    yield


app = st.App(
    HERE / "app.py",
    lifespan=lifespan,
    middleware=[Middleware(CarefulHeaders), Middleware(CompressedScripts)],
)
