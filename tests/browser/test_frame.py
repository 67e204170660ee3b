"""Every page in a real browser: the frame around it, its size, and who can read it."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from scripts.server import menu

pytestmark = pytest.mark.browser

PAGES = menu()
NAMES = [page.title for page in PAGES]

IN_MENU = """target => Boolean(document.querySelector(target)?.closest('[data-testid="stSidebarNavItems"]'))"""
"""Whether an element is in the menu, whose sections Streamlit itself puts as divs between a list and its items."""

IN_CONTROL = """
target => Boolean(document.querySelector(target)?.closest('[data-testid="stButtonGroup"], [data-testid="stSlider"]'))
"""


def chosen_in_dark(page, violation, node):
    """Whether this is the chosen value of a control in the dark theme, at no less than 3.5 to 1.

    Streamlit writes white on the primary colour (buttons) and the primary colour on the background (chosen segments,
    a slider's values); in a dark theme no colour reaches 4.5 to 1 with both. The buttons have it.
    """
    if violation["id"] != "color-contrast" or not page.evaluate(IN_CONTROL, node["target"][0]):
        return False
    return min(check["data"]["contrastRatio"] for check in node["any"]) >= 3.5


def check_frame(page, shown):
    """The menu has every page, and the one that was asked for is open."""
    links = page.locator('[data-testid="stSidebarNavLink"]')
    # Before its name a link has the icon's, which a font draws.
    assert [link.inner_text().splitlines()[-1] for link in links.all()] == NAMES
    # However long the menu, the choice of a dataset is in sight without scrolling.
    assert page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").bounding_box()["y"] < 300
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text() == shown.title
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.get_by_text("Something went wrong").count() == 0


LAST_OF_SECTION = list({page.file.split("/")[1]: page for page in PAGES}.values())


@pytest.mark.parametrize("shown", LAST_OF_SECTION, ids=[page.title for page in LAST_OF_SECTION])
def test_a_deep_link_as_the_first_request_finds_the_frame(fresh, visit, shown):
    check_frame(visit(f"{fresh.url}/{shown.path}"), shown)


@pytest.mark.parametrize("fresh", ["app.py"], indirect=True)
def test_app_py_alone_shows_the_same(fresh, visit):
    check_frame(visit(f"{fresh.url}/{PAGES[0].path}"), PAGES[0])


def check_with_axe(page, scheme):
    """No violation but those that Streamlit leaves no way around."""
    found = [
        f"{violation['id']} ({violation['impact']}): {violation['help']}\n    {node['html'][:300]}\n    "
        + node["failureSummary"].replace("\n", " ")
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
        if not (violation["id"] in ("list", "listitem") and page.evaluate(IN_MENU, node["target"][0]))
        and not (scheme == "dark" and chosen_in_dark(page, violation, node))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("shown", PAGES, ids=NAMES)
def test_axe_finds_nothing_in_the_dark(shown, server, visit):
    check_with_axe(visit(f"{server.url}/{shown.path}", scheme="dark"), "dark")


def test_axe_finds_nothing_in_the_light_menu(server, visit):
    check_with_axe(visit(server.url), "light")


@pytest.mark.parametrize("shown", PAGES, ids=NAMES)
def test_axe_finds_nothing_on_a_light_phone_and_it_scrolls_only_down(shown, server, visit):
    page = visit(f"{server.url}/{shown.path}", width=390, height=844)
    widths = page.evaluate(
        """() => ['stMain', 'stAppViewContainer', 'stMainBlockContainer']
              .map(name => document.querySelector(`[data-testid="${name}"]`))
              .concat(document.documentElement)
              .map(element => element.scrollWidth - element.clientWidth)"""
    )
    assert max(widths) <= 0
    check_with_axe(page, "light")


def test_moving_through_the_menu_keeps_the_dataset_and_breaks_nothing(server, visit):
    page = visit(server.url)
    for shown in PAGES[1:] + PAGES[:1]:
        page.locator('[data-testid="stSidebarNavItems"]').get_by_role("link", name=shown.title, exact=True).click()
        page.wait_for_function("title => document.querySelector('h1')?.innerText === title", arg=shown.title)
        # Tabs, bookmarks and the history tell the pages apart.
        page.wait_for_function("title => document.title === `${title} · Primetime`", arg=shown.title)
    check_frame(page, PAGES[0])


def test_scripts_arrive_compressed_and_careful(server, visit, chromium):
    page = chromium.new_page()
    sizes = {}
    page.on("response", lambda response: sizes.setdefault(response.url, response.all_headers()))
    page.goto(f"{server.url}/{PAGES[2].path}")
    page.wait_for_selector('[data-testid="stPlotlyChart"] .main-svg', timeout=60_000)
    plotly = next(headers for url, headers in sizes.items() if "PlotlyChart" in url and url.endswith(".js"))
    assert plotly["content-encoding"] == "gzip"
    assert int(plotly["content-length"]) < 2_000_000
    assert "immutable" in plotly["cache-control"]
    assert all(headers["x-content-type-options"] == "nosniff" for headers in sizes.values())
    page.close()
