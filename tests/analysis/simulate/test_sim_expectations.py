"""What is expected of a service: counted from the log as from the tables, and by other viewers."""

import importlib
from dataclasses import replace

import pytest

from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.simulate import expectations, simulate


@pytest.fixture(scope="module")
def counted(dataset):
    return expectations.values(expectations.count(dataset))


def test_the_log_of_a_service_is_counted_like_the_tables_made_of_it(config, dataset, counted, monkeypatch):
    # Without other viewers, the "large run" repeats the dataset itself.
    monkeypatch.setattr(expectations, "OTHER_VIEWERS", 0)
    again = expectations.expect(config, 3, config.viewers)
    assert set(again) == set(counted)
    for name, found in again.items():
        if name.startswith(("clicks per visit", "clicks on titles", "monthly churn")):
            # Chances of a click and of leaving, instead of the clicks and the leavings that came.
            assert found.value == pytest.approx(counted[name].value, abs=4 * counted[name].error)
            assert found.error < counted[name].error
        else:
            assert found.value == pytest.approx(counted[name].value, abs=2e-6), name
            assert found.error == pytest.approx(counted[name].error, abs=2e-6), name


def test_other_viewers_show_the_same_service(config, counted):
    other = expectations.expect(config, 3, 3 * config.viewers)
    apart = {name for name in other if other[name].value != counted[name].value}
    assert apart == set(other)
    for name, found in other.items():
        error = (found.error**2 + counted[name].error ** 2) ** 0.5
        assert abs(found.value - counted[name].value) < 4.5 * error, name
        assert found.error < counted[name].error, name


def test_every_expectation_names_a_function_that_exists():
    names = [e.name for e in expectations.expectations()]
    assert len(set(names)) == len(names) >= 20
    for expectation in expectations.expectations():
        module, _, function = expectation.function.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function)), expectation.function
        assert expectation.definition.endswith(".")


def test_a_dataset_carries_what_other_viewers_showed(tiny, tmp_path):
    without = simulate(tmp_path / "without", config=tiny, seed=3)
    with_them = simulate(tmp_path / "with", config=tiny, seed=3, truth_viewers=80)
    assert with_them.content_hash == without.content_hash
    names = [{e["name"] for e in Dataset.open(r.folder).truth()["estimands"]} for r in (without, with_them)]
    assert names[1] - names[0] >= {
        "night share of minutes",
        "share of minutes on tv",
        "clicks per visit, uniform policy",
    }
    estimands = {e["name"]: e for e in Dataset.open(with_them.folder).truth()["estimands"]}
    assert estimands["night share of minutes"]["truth_error"] > 0
    assert estimands["examination, second row against first"]["truth_error"] is None
    with pytest.raises(ParameterError, match="truth_viewers"):
        simulate(tmp_path / "never", config=replace(tiny, viewers=5), truth_viewers=-1)


def test_a_service_without_impressions_expects_no_clicks(tiny):
    found = expectations.expect(replace(tiny, impressions_days=0), 3, 60)
    assert "night share of plays" in found
    assert not [name for name in found if name.startswith("clicks")]
