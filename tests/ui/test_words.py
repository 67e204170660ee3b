"""Words on the pages: every glossary term that is asked for exists, and text from data stays text."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ui import text
from ui.glossary import TERMS

ROOT = Path(__file__).parents[2]


def test_every_term_that_a_page_asks_for_is_defined() -> None:
    asked = {
        term
        for folder in ("pages", "ui")
        for file in (ROOT / folder).rglob("*.py")
        for term in re.findall(r"define\(\s*\"([^\"]+)\"", file.read_text(encoding="utf-8"))
    }
    assert asked <= TERMS.keys(), f"not in the glossary: {sorted(asked - TERMS.keys())}"


def test_definitions_are_sentences() -> None:
    for term, meaning in TERMS.items():
        assert meaning.endswith("."), term
        assert len(meaning) <= 140, term


@given(st.text())
def test_escaped_text_has_no_active_markdown(raw: str) -> None:
    escaped = text.escape(raw)
    for special in "*_`[]$:<>#":
        assert not re.search(rf"(?<!\\){re.escape(special)}", escaped.replace("\\\\", ""))
    assert "\n" not in escaped
