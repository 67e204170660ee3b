"""Pictures of every page: `make screenshots` for the README's, `--all` for every page light and dark, wide and narrow.

python scripts/screenshots.py docs/pictures
python scripts/screenshots.py /some/folder --all --data movietweetings --home workspace
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.server import MenuPage, browsing, menu, serving, settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDE, NARROW = 1400, 390
HEIGHT = 900

README_COLOURS = 192
"""Colours of a README picture: text stays sharp and a page comes to about 100 kB."""


def shoot(browser: Browser, url: str, scheme: str, width: int, *, whole: bool) -> bytes:
    """One page as PNG; `whole` takes all of it and not only what fits the window."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme="dark" if scheme == "dark" else "light"
    )
    try:
        page = context.new_page()
        page.goto(url)
        settle(page)
        if whole:
            # Streamlit scrolls inside the page; a window as high as the content shows all of it.
            height = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
            page.set_viewport_size({"width": width, "height": max(int(height), HEIGHT)})
        # Charts and the browser's own transitions come to rest.
        page.wait_for_timeout(800)
        settle(page)
        return page.screenshot(animations="disabled")
    finally:
        context.close()


def smaller(picture: bytes) -> bytes:
    """A PNG with a palette, which is about a third of the size."""
    from PIL import Image

    out = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(README_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def name(page: MenuPage) -> str:
    """The picture's name: that of the page's script."""
    return Path(page.file).stem


def main() -> None:
    """Start the app, take the pictures, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--all", action="store_true", help="light and dark, wide and narrow, the whole page")
    parser.add_argument("--data", default="", help="dataset to show; the first one by default")
    parser.add_argument("--home", type=Path, help="workspace to show; an empty one by default")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    query = f"?data={options.data}" if options.data else ""
    with (
        tempfile.TemporaryDirectory(prefix="primetime-") as empty,
        serving(options.home or Path(empty)) as server,
        browsing() as browser,
    ):
        for page in menu():
            url = f"{server.url}/{page.path}{query}"
            if not options.all:
                picture = smaller(shoot(browser, url, "light", WIDE, whole=False))
                (options.folder / f"{name(page)}.png").write_bytes(picture)
                continue
            for scheme in ("light", "dark"):
                for width in (WIDE, NARROW):
                    picture = shoot(browser, url, scheme, width, whole=True)
                    (options.folder / f"{name(page)}-{scheme}-{width}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
