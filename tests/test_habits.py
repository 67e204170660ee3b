"""Habits that no linter knows: what may not stand in a tracked file, how long a page may be, what the docs name."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from analysis.workspace import ROOT

PAGE_LINES = 120
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.:/-])/(?:home(?!/me/)|root|Users|work|mnt|tmp|private)/\w"),
    "a host that packages come from": re.compile(r"pypi\.|pythonhosted|artifactory|jfrog|/simple/|--extra-index", re.I),
    "work left for later": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(file: Path) -> str | None:
    content = file.read_bytes()
    return None if b"\0" in content else content.decode("utf-8")


def pages() -> dict[str, str]:
    """Titles of the pages in the menu, by file."""
    for statement in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "PAGES":
            return {file: title for rows in ast.literal_eval(statement.value).values() for file, title, _ in rows}
    raise AssertionError("app.py has no PAGES")


def docs() -> str:
    return "\n".join(f.read_text(encoding="utf-8") for f in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what):
    found = []
    for file in tracked():
        text = text_of(file)
        if text is None or file == Path(__file__):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if FORBIDDEN[what].search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_the_patterns_find_what_they_are_for():
    examples = {
        "a path of somebody's machine": ["open('/home/anna/x')", "cd /root/x", "/Users/anna"],
        "a host that packages come from": ["https://pypi.org/simple/x", "--extra-index-url x"],
        "work left for later": ["# TODO: later"],
    }
    for what, lines in examples.items():
        assert all(FORBIDDEN[what].search(line) for line in lines)
    assert not FORBIDDEN["a path of somebody's machine"].search("/workspace/ and https://x.org/home/page and ../work/x")


def test_pages_are_thin():
    long = {}
    for file in sorted((ROOT / "pages").glob("*/*.py")):
        name, lines = str(file.relative_to(ROOT)), len(file.read_text(encoding="utf-8").splitlines())
        if lines > PAGE_LINES:
            long[name] = lines
    assert not long, f"move what these pages do into analysis/ or ui/: {long}"


def test_pages_hold_no_statistics_and_no_sql():
    heavy = {"numpy", "scipy", "statsmodels", "sklearn", "duckdb", "narwhals", "sqlalchemy", "implicit", "surprise"}
    for file in sorted((ROOT / "pages").glob("*/*.py")):
        imported = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
        assert not imported & heavy, f"{file.relative_to(ROOT)} imports {sorted(imported & heavy)}"


def test_no_script_stands_directly_in_pages():
    # Streamlit would take it for an old-style page and serve a deep link to it without app.py.
    assert not list((ROOT / "pages").glob("*.py"))


def test_the_menu_has_every_page():
    on_disk = {str(file.relative_to(ROOT)) for file in (ROOT / "pages").glob("*/*.py")}
    assert set(pages()) == on_disk


@pytest.mark.parametrize("title", pages().values())
def test_every_page_is_in_the_docs(title):
    assert title in docs()


def test_every_model_is_in_the_docs():
    from analysis.recommend import registry

    text = docs()
    missing = [name for name in registry.models() if f"`{name}`" not in text]
    assert not missing, f"name these models in README.md or docs/: {missing}"


def test_every_make_target_says_what_it_does():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.M).group(1).split()
    assert [target for target in phony if not re.search(rf"^{target}:.*## \S", text, re.M)] == []
