"""The app on a free port and a browser to look at it: what browser tests, screenshots and benchmarks share."""

from __future__ import annotations

import ast
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent

START_SECONDS = 90
"""A server that does not answer by then has failed; a busy machine needs ten."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
"""Streamlit's own mark that no script runs."""


DRAWN = """
() => !document.querySelector('[data-testid="stSkeleton"]')
      && [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].every(c => c.querySelector('.main-svg'))
"""
"""Whether nothing is a placeholder any more."""


@dataclass(frozen=True)
class MenuPage:
    """A page of the menu: its file, the word in its address (empty for the first), and its title."""

    file: str
    path: str
    title: str


def menu() -> list[MenuPage]:
    """The pages of `app.py`, in the menu's order."""
    for statement in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "PAGES":
            rows = [row for section in ast.literal_eval(statement.value).values() for row in section]
            return [MenuPage(file, Path(file).stem if n else "", title) for n, (file, title, _) in enumerate(rows)]
    raise LookupError("app.py has no PAGES")


@dataclass(frozen=True)
class Server:
    """A running app: its address, its process id, and the file that has what it printed."""

    url: str
    pid: int
    log: Path


@contextmanager
def serving(home: Path, *, entry: str = "serve.py", **environment: str) -> Iterator[Server]:
    """Run the app with a workspace of its own; it is up when the block begins and gone when it ends.

    Args:
        home: Folder of the workspace, and of the server's log.
        entry: What `streamlit run` is given.
        environment: More environment variables.
    """
    home.mkdir(parents=True, exist_ok=True)
    port, log = _free_port(), home / f"server-{time.time_ns()}.log"
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PRIMETIME_HOME": str(home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(f"http://localhost:{port}/_stcore/health", process, log)
        yield Server(f"http://localhost:{port}", process.pid, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def chromium() -> str | None:
    """Where Chromium is (the one that `CHROMIUM` names, or the system's), or None."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for found in map(shutil.which, filter(None, names)) if found), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page, seconds: float = 60.0) -> None:
    """Wait until the page has been drawn: it has a title, no script runs, and every chart stands."""
    page.wait_for_selector("h1", timeout=seconds * 1000)
    page.wait_for_selector(READY, timeout=seconds * 1000)
    page.wait_for_function(DRAWN, timeout=seconds * 1000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"The app did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
