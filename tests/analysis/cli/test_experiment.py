"""`python -m analysis experiment …` on a file of units."""

import json

import pytest

from analysis.cli import main

CSV = "user,group,minutes,plays,before\n" + "".join(
    f"{i},{'control' if i % 2 else 'new'},{20 + i % 7 + (0 if i % 2 else 4)},{1 + i % 3},{i % 7}\n" for i in range(600)
)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "units.csv").write_text(CSV)
    return str(tmp_path / "units.csv")


def run(capsys, *argv):
    code = main(["experiment", *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_table_of_units_is_analysed_with_guessed_columns(file, capsys):
    code, found = run(capsys, "units", file)
    assert code == 0
    assert found["summary"].startswith("Roll out new. Minutes: 17 % higher in new than in control")
    assert [row["metric"] for row in found["rows"]] == ["minutes", "plays", "before"]


def test_ratios_covariates_and_options_arrive(file, capsys):
    argv = ("--outcome", "minutes/plays", "--outcome", "minutes", "--covariate", "before", "--primary", "minutes")
    code, found = run(capsys, "units", file, *argv, "--control", "none", "--worth", "0.5")
    assert code == 0
    assert [row["metric"] for row in found["rows"]] == ["minutes", "minutes per plays"]
    # The column known before explains all but the four minutes.
    assert found["rows"][0]["difference"] == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("units", "gone.csv"), "no file gone.csv"),
        (("analyse", "x", "--until", "soon"), "--until is 'soon'"),
        (("asos", "gone.parquet"), "no file gone.parquet"),
    ],
)
def test_what_is_wrong_is_said(capsys, argv, words):
    code, found = run(capsys, *argv)
    assert code == 1
    assert words in found["error"]["problem"]


def test_the_samples_experiments_are_followed_and_looked_into(capsys):
    code, found = run(capsys, "course", "profile-icons")
    assert code == 0
    assert "would have shipped what the end does not bear out" in found["summary"]
    assert {"low", "any_time_low", "split_p_value"} <= set(found["rows"][-1])
    code, found = run(capsys, "segments", "dense-home")
    assert code == 0
    assert "reverses by plan" in found["summary"]
    code, found = run(capsys, "reach", "--days", "14", "--variants", "3")
    assert code == 0
    assert len(found["rows"]) == 14
