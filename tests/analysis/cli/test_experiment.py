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
    assert "an interval for a single look leaves zero out at" in found["summary"]
    assert {"low", "any_time_low", "split_p_value"} <= set(found["rows"][-1])
    code, found = run(capsys, "segments", "dense-home")
    assert code == 0
    plans = [row for row in found["rows"] if row["segment"] == "plan"]
    assert len(plans) == 3
    assert all(row["lift_low"] < row["lift"] < row["lift_high"] for row in plans)
    code, found = run(capsys, "analyse", "new-home", "--more", "median minutes per viewer")
    assert code == 0
    assert found["rows"][-1]["metric"] == "median minutes per viewer"
    code, found = run(capsys, "reach", "--days", "14", "--variants", "3")
    assert code == 0
    assert len(found["rows"]) == 14


def test_a_log_is_joined_and_two_rankers_are_tried(tmp_path, capsys):
    who = "user,variant,assigned_at\n" + "".join(f"u{i},{'ab'[i % 2]},2026-05-0{1 + i % 9}\n" for i in range(200))
    what = "user,happened_at,minutes\n" + "".join(
        f"u{i % 200},2026-05-{10 + i % 20},{10 + i % 7 + 3 * (i % 2)}\n" for i in range(1_000)
    )
    (tmp_path / "who.csv").write_text(who)
    (tmp_path / "what.csv").write_text(what)
    files = str(tmp_path / "what.csv"), str(tmp_path / "who.csv")
    code, found = run(capsys, "log", *files, "--primary", "minutes per unit")
    assert code == 0
    assert found["summary"].startswith("Roll out b. Minutes per unit")
    code, found = run(capsys, "log", files[0], files[0])
    assert code == 1
    assert "Unit and variant are not to be found" in found["error"]["problem"]
    code, found = run(capsys, "interleaving", "--b", "0.8", "--viewers", "100")
    assert code == 0
    assert "times as many" in found["summary"]
