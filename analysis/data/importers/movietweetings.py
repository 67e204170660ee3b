"""MovieTweetings (Dooms et al., 2013): ratings from 0 to 10 tweeted from IMDb, `user::film::rating::time`."""

from __future__ import annotations

from analysis.data.importers.layouts import Layout
from analysis.data.importers.movielens import import_dat
from analysis.data.importers.staging import Run


def run_import(run: Run, layout: Layout) -> None:
    """Write ratings, films and people."""
    import_dat(run, layout, scale=(0.0, 10.0), has_people=False)
