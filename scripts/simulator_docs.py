"""Write docs/simulator.md from the sample and its truth; with `--check`, only say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.calibration import calibration  # noqa: E402
from analysis.data import Dataset  # noqa: E402
from analysis.workspace import SAMPLE  # noqa: E402

TARGET = ROOT / "docs" / "simulator.md"

HEAD = """# The simulated service

The sample data comes from a simulated streaming service, `analysis.simulate`. It is **stylised, with calibrated
marginals**: shares, curves and rates are near published ones, and nothing more is claimed. What is known of it is
written beside it in `truth.json`, so that every analysis can be held to the truth.

    python -m analysis simulate                  # a service of your own, in the workspace
    python -m analysis simulate --sample         # the sample anew; the same content hash comes out
    python -m analysis simulate --sample --check # only say whether it does
    python -m analysis simulate --rows 50000000  # views alone, fast, to measure speed with

## What happens in it

- **Titles** are about concepts and have casts and directors, which cause the latent factors of taste. How inviting a
  title looks (appeal) and how good it is (quality) are independent. New titles come on Fridays and are freshest then.
  Each has a language, and three artworks that stress different genres.
- **Viewers** live in regions of six countries, in households, and speak a language. They have tastes (Dirichlet over
  genres, normal over latent dimensions) that drift over the year, a level of activity (log-normal), a personal clock
  and device habits. Country moves the mean of a few tastes; age explains little. Who minds the price takes a cheaper
  plan.
- **School holidays** differ between the regions of a country; family titles gain where schools are closed.
- **Sessions** follow the hour, the weekday and the month; full and empty weeks alternate (gamma-Poisson).
- **The home page** has five rows of eight places. The logging policy draws each row without replacement from the
  viewer's 24 best candidates (Plackett–Luce) and logs the probability of each title in its place, given those placed
  before. A tenth of the visits get a page drawn uniformly from the whole catalogue instead.
- **A click** needs a look at the place, which depends on how far the viewer scrolls and swipes (a break after the
  fifth place), and then appeal, taste, language, artwork, hour and season together on log-odds. A title in a foreign
  language loses, one in English less. Which artwork is shown is drawn by chance; the taste for the genre that it
  stresses moves the click.
- **The row of the title under way** stands apart from the policy's rows. It is logged too, as row 5 with the policy
  `continue-watching`, clicked or not.
- **Watching** is a mixture: left within minutes, stopped in between, or seen to the end, driven by quality and taste
  and not by appeal. Episodes follow on each other, and what was left unfinished is taken up another day.
- **Search** follows a page without a click, or comes at once: whole names, beginnings, single words, people, genres,
  and slips of the finger.
- **Ratings** are missing not at random: who loved or hated a title rates it more.
- **Satisfaction** is a moving average of how well sessions went. It moves how often a viewer comes and, with price
  sensitivity and the plan, the chance to leave at the monthly renewal. Some come back. The table `memberships` has
  every stay.

Viewers don't influence each other within a run: what is popular is a property of the world, not of the log.

## Counterfactuals

Randomness is looked up by seed, viewer, day, session and place. So `simulate.run(world, policy, viewers=…, period=…)`
gives what the same viewers would have done, with the same luck, under another policy; the logging policy repeats the
dataset.

```python
from analysis.simulate import SimulationConfig, make_world, run, uniform_policy

world = make_world(SimulationConfig(), seed=2026)
outcome = run(world, uniform_policy, viewers=range(1, 301), period=(world.config.date(700), world.config.date(727)))
print(outcome.summary())
```

A policy is any function that takes a `Visit` (viewers, date, hour, device, candidates, the logging policy's pools and
luck of its own) and gives title ids and propensities, both visits × rows × columns.
"""


def page() -> str:
    """The whole page."""
    dataset = Dataset.open(SAMPLE)
    truth = dataset.truth() or {}
    return "\n".join([HEAD, _calibration(dataset), _experiments(truth), _estimands(truth)])


def _calibration(dataset: Dataset) -> str:
    result = calibration(dataset)
    lines = [
        "## Calibration\n",
        f"{result.summary()} The limits behind “met” are ours; where a cell is empty there is nothing to hold it to.\n",
        "| | published | the sample shows | met |",
        "|---|---|---|---|",
    ]
    for target in result.targets:
        met = {True: "yes", False: "no", None: ""}[target.met]
        lines.append(f"| {target.name} | {target.wanted} | {_number(target.shown, target.unit)} | {met} |")
    return "\n".join(lines) + "\n"


def _experiments(truth: dict[str, Any]) -> str:
    lines = [
        "## Experiments in the sample\n",
        "The true effect is known because each experiment's weeks were run twice from the same moment, with everybody",
        "in control and with everybody treated.\n",
        "| experiment | shows | first day | days | minutes per viewer | plays per viewer | completion rate |",
        "|---|---|---|---|---|---|---|",
    ]
    for experiment in sorted(truth["experiments"], key=lambda e: e["starts_on"]):
        effects = [e for e in experiment["true_effects"] if e["segment"].startswith("all")]
        cells = " | ".join(f"{e['relative']:+.1%}".replace("%", " %") for e in effects)
        lines.append(
            f"| `{experiment['experiment_id']}` | {experiment['lesson']} | {experiment['starts_on']} "
            f"| {experiment['days']} | {cells} |"
        )
    return "\n".join(lines) + "\n"


def _estimands(truth: dict[str, Any]) -> str:
    lines = [
        "## Estimands\n",
        "Beside the effects above (and those by plan and by week, where they differ), `truth.json` holds what follows.",
        "Expectations are counted in a large run of the same service with other viewers and other luck. How near the",
        "estimates come is on the page **Known truth** and in `docs/truth.md`.\n",
        "| estimand | definition | value |",
        "|---|---|---|",
    ]
    for estimand in truth["estimands"]:
        if "experiment_id" not in estimand["scope"]:
            value = _number(estimand["value"], estimand["unit"])
            lines.append(f"| {estimand['name']} | {estimand['definition']} | {value} |")
    return "\n".join(lines) + "\n"


def _number(value: float, unit: str) -> str:
    if unit.startswith("share"):
        return f"{value:.1%}".replace("%", " %")
    if unit == "hour":
        return f"{value:.0f} h"
    return f"{value:.2f}" if unit == "ratio" else f"{value:.2f} {unit}"


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    text = page()
    if "--check" not in argv:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("docs/simulator.md does not match the sample: run `python scripts/simulator_docs.py`.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
