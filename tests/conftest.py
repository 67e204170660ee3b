"""What all tests share: a workspace of their own, and the folder of real data where there is one."""

import os
from pathlib import Path

import pytest

# Two workers of the suite on two cores, each with a thread a core of its own, spend most of their time waiting for each
# other; set before numpy and the libraries of the models are loaded, which read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from analysis.workspace import Workspace


@pytest.fixture(autouse=True)
def _no_workspace_but_ours(tmp_path_factory, monkeypatch):
    """No test reads or writes the workspace of the person who runs it."""
    if "PRIMETIME_HOME" not in os.environ:
        monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path_factory.getbasetemp() / "workspace"))


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    """An empty workspace, also for what opens the default one."""
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "home"))
    return Workspace()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data that tests may read where `PRIMETIME_REAL_DATA` names it."""
    folder = os.environ.get("PRIMETIME_REAL_DATA")
    if not folder:
        pytest.skip("PRIMETIME_REAL_DATA is not set: tests on real public data are left out")
    assert Path(folder).is_dir(), f"PRIMETIME_REAL_DATA names {folder}, which is no folder"
    return Path(folder)
