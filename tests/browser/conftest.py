"""A real browser and a real server for the tests in this folder."""

import os

import pytest

from scripts import server as app_server


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium; without one the tests are left out, except where they must run."""
    if app_server.chromium() is None:
        reason = "no chromium on the path: install it with `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with app_server.browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory):
    """One app for all tests that don't need it fresh, with a workspace of its own."""
    with app_server.serving(tmp_path_factory.mktemp("browser"), PRIMETIME_JOBS="1") as running:
        yield running


@pytest.fixture
def fresh(request, chromium, tmp_path):
    """An app that nobody has asked for anything yet; a test that takes it takes it before `visit`."""
    with app_server.serving(tmp_path, entry=getattr(request, "param", "serve.py")) as running:
        yield running


@pytest.fixture
def visit(chromium):
    """Open windows with `visit(url, width=…, scheme=…)`; a console error in any of them fails the test."""
    contexts, problems = [], []

    def note(message):
        # On a deep link Streamlit's own script asks under the page's address first where its server is.
        looking = message.location["url"].endswith(("/_stcore/health", "/_stcore/host-config"))
        if message.type == "error" and not looking:
            problems.append(message.text)

    def opened(url, *, width=1280, height=900, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        app_server.settle(page)
        return page

    yield opened
    found = list(problems)
    for context in contexts:
        context.close()
    assert not found
