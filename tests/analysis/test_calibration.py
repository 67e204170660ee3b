import subprocess
import sys

import pytest

from analysis.calibration import Target, calibration
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.workspace import ROOT, SAMPLE


def test_the_sample_meets_its_calibration_targets():
    result = calibration(Dataset.open(SAMPLE))
    missed = [target.name for target in result.targets if target.met is False]
    assert missed == []
    assert result.summary().endswith("calibration targets are met.")
    assert len(result.to_frame()) == len(result.targets) > 20


def test_limits_decide_what_is_met():
    assert Target("x", "", 1.0, 2.0, 1.5, "ratio").met is True
    assert Target("x", "", 1.0, 2.0, 2.5, "ratio").met is False
    assert Target("x", "", None, None, 2.5, "ratio").met is None


def test_what_has_no_views_cannot_be_calibrated():
    import pandas as pd

    ratings = pd.DataFrame({"viewer_id": [1], "title_id": [1], "stars": [3.0]})
    with pytest.raises(DataError, match="no table views"):
        calibration(Dataset.from_frames(ratings=ratings))


def test_the_docs_show_the_committed_sample():
    checked = subprocess.run(
        [sys.executable, "scripts/simulator_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
