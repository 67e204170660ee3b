"""The app: time to the first chart against a one-chart page, CPU a rerun, many sessions at once, memory of idle ones.

    python -m benchmarks.app

Ratios are of medians of five, both servers warm and running side by side, each visit with an empty browser cache.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.common import REPEATS, Measured, report
from scripts.server import Server, browsing, serving

ONE_CHART = """
import plotly.graph_objects as go
import streamlit as st

st.title("One chart")
st.plotly_chart(go.Figure(go.Bar(x=[1, 2, 3], y=[3, 1, 2])), alt="Three bars")
"""

CHART = '[data-testid="stPlotlyChart"] .main-svg'
ALL_DRAWN = "document.querySelectorAll('[data-testid=stPlotlyChart]:has(.main-svg)').length >= 4"
RERUNS, AT_ONCE, IDLE, WARM_UP = 20, 50, 200, 20


class Session:
    """A visitor without a browser: Streamlit's own messages over its websocket."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, server: Server) -> Session:
        """Connect and run the first page once."""
        address = server.url.replace("http", "ws") + "/_stcore/stream"
        # No pings: while fifty pages are computed, an answer to one may take longer than a library's default patience.
        connection = await websockets.connect(
            address, subprotocols=["streamlit"], max_size=None, origin=server.url, ping_interval=None
        )
        session = cls(connection)
        await session.rerun()
        return session

    async def rerun(self) -> None:
        """Run the page once more, and wait until it has ended."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        await self._connection.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await self._connection.recv())
            if answer.WhichOneof("type") == "script_finished":
                return

    async def close(self) -> None:
        """Leave."""
        await self._connection.close()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def first_chart(ours: Server, plain: Server) -> list[Measured]:
    """Seconds to the first chart, in turns; and until all of the Overview stands."""
    seconds: dict[str, list[float]] = {ours.url: [], plain.url: []}
    ready: list[float] = []
    with browsing() as browser:
        for visit in range(REPEATS + 1):
            for url, times in seconds.items():
                context = browser.new_context()
                page = context.new_page()
                begun = time.perf_counter()
                page.goto(url)
                page.wait_for_selector(CHART, timeout=120_000)
                first = time.perf_counter() - begun
                if url == ours.url:
                    # The foot of the page comes last; the charts above it are drawn one after the other.
                    page.get_by_text("Report (HTML)").wait_for(timeout=120_000)
                    page.wait_for_function(ALL_DRAWN)
                if visit:
                    times.append(first)
                    if url == ours.url:
                        ready.append(time.perf_counter() - begun)
                context.close()
    mine, one = statistics.median(seconds[ours.url]), statistics.median(seconds[plain.url])
    value = f"{mine / one:.2f} × ({mine:.2f} s against {one:.2f} s)"
    whole = statistics.median(ready)
    return [
        Measured("first chart of the Overview against a one-chart page", value, "≤ 1.3 ×", mine / one <= 1.3),
        Measured("Overview ready, empty browser cache", f"{whole:.2f} s", "≤ 2.5 s", whole <= 2.5, budget=True),
        Measured("the same against the one-chart page", f"{whole / one:.2f} ×"),
    ]


async def sessions(server: Server) -> list[Measured]:
    """CPU a rerun, sessions at once, memory of idle sessions."""
    opened = [await Session.open(server) for _ in range(WARM_UP)]
    before = cpu_seconds(server.pid)
    for _ in range(RERUNS):
        await opened[0].rerun()
    cpu = (cpu_seconds(server.pid) - before) / RERUNS

    opened += [await Session.open(server) for _ in range(AT_ONCE - WARM_UP)]
    begun = time.perf_counter()
    await asyncio.gather(*(session.rerun() for session in opened))
    at_once = time.perf_counter() - begun

    held = resident_bytes(server.pid)
    opened += [await Session.open(server) for _ in range(IDLE)]
    grown = (resident_bytes(server.pid) - held) / IDLE / 2**20
    for session in opened:
        await session.close()
    return [
        Measured("CPU a rerun of the Overview", f"{cpu * 1000:.0f} ms", "≤ 50 ms", cpu <= 0.05, budget=True),
        Measured(f"{AT_ONCE} sessions rerunning at once", f"{at_once:.1f} s", "≤ 5 s", at_once <= 5, budget=True),
        Measured(f"memory a session, over {IDLE}", f"{grown:.2f} MiB", "≤ 2 MiB", grown <= 2, budget=True),
    ]


def start(home: Path) -> list[Measured]:
    """Seconds from the server's start to the first page's end, nothing counted before, over one visitor's websocket."""

    async def first() -> None:
        await (await Session.open(server)).close()

    times = []
    for repeat in range(3):
        begun = time.perf_counter()
        with serving(home / f"start-{repeat}") as server:
            asyncio.run(first())
            times.append(time.perf_counter() - begun)
    seconds = statistics.median(times)
    return [Measured("server start to the end of the first page, with an empty workspace", f"{seconds:.1f} s")]


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
        home = Path(folder)
        script = home / "one_chart.py"
        script.write_text(ONE_CHART, encoding="utf-8")
        rows = start(home)
        with serving(home / "ours") as ours, serving(home / "plain", entry=str(script)) as plain:
            rows += first_chart(ours, plain)
            rows += asyncio.run(sessions(ours))
    report("App", rows)


if __name__ == "__main__":
    main()
