"""What a device is called in an export, and which of the four kinds it is."""

from __future__ import annotations

from analysis.data.importers.staging import literal

# In this order: "Apple TV" is no phone, "Android TV" no tablet, "Chromecast" no browser.
_WORDS = (
    ("tv", r"\btv\b|\btvs\b|television|smarttv|chromecast|roku|fire ?stick|fire tv|playstation|\bps[345]\b|xbox|"
           r"nintendo|wii|set[- ]?top|\bstb\b|blu-?ray|bravia|tizen|webos|hisense|vizio|sky q|shield|tivo|projector|"
           r"streaming stick|settop|cast"),
    ("tablet", r"ipad|tablet|kindle|galaxy tab|surface go|nexus (7|9|10)"),
    ("phone", r"iphone|phone|mobile|pixel|galaxy s|ipod|\bandroid\b|\bios\b"),
    ("computer", r"\bpc\b|computer|laptop|desktop|\bmac\b|macintosh|mac ?os|macbook|windows|linux|chrome|firefox|"
                 r"safari|\bedge\b|opera|browser|\bweb\b|cadmium|html5"),
)  # fmt: skip


def device_sql(column: str) -> str:
    """SQL for the kind of device that a text names: tv, tablet, phone or computer; null where none is known."""
    cases = " ".join(
        f"WHEN regexp_matches(lower({column}), {literal(words)}) THEN {literal(kind)}" for kind, words in _WORDS
    )
    return f"CASE {cases} END"
