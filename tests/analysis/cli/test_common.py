"""The command line's manners: one JSON document, errors in words, exit codes; and that every command is documented."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pandas as pd
import pytest
import typer

from analysis import cli
from analysis.cli import common
from analysis.errors import DataError
from analysis.results import Result
from analysis.workspace import ROOT

RUN = [sys.executable, "-m", "analysis"]


@dataclass(frozen=True)
class Shares(Result):
    rows: int

    def to_frame(self):
        return pd.DataFrame({"title": [f"[bold]{n}" for n in range(self.rows)], "share": [0.123456] * self.rows})

    def summary(self):
        return f"{self.rows} titles were watched."


def commands():
    """Every command: its words and typer's object of it."""
    found = []

    def walk(group, words):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, [*words, name])
            else:
                found.append(([*words, name], command))

    walk(typer.main.get_command(cli.build()), [])
    return found


def with_command(monkeypatch, function):
    """A command line whose only command is `function`."""

    def build():
        app = typer.Typer()
        app.callback()(cli._globals)
        app.command("go")(function)
        return app

    monkeypatch.setattr(cli, "build", build)


def test_json_is_printed_once_and_alone(monkeypatch, capsys):
    def go(as_json: common.JsonOption = False):
        print("a library talks")
        common.emit(Shares(2), as_json)

    with_command(monkeypatch, go)
    assert cli.main(["go", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == Shares(2).to_json()
    assert "a library talks" in printed.err


def test_without_json_a_person_reads_the_summary_and_a_table(monkeypatch, capsys):
    def go(as_json: common.JsonOption = False):
        common.emit(Shares(common.SHOWN_ROWS + 1), as_json)

    with_command(monkeypatch, go)
    assert cli.main(["go"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "51 titles were watched."
    assert lines[2].split() == ["title", "share"]
    # Markup in data is text.
    assert lines[3].split() == ["[bold]0", "0.1235"]
    assert lines[-1] == "… and 1 rows more; --json gives all of them."


def test_a_known_problem_is_told_in_words(monkeypatch, capsys):
    def go(as_json: common.JsonOption = False):
        raise DataError("ratings.dat, line 7 has 3 fields.", "Give it 4.")

    with_command(monkeypatch, go)
    assert cli.main(["go"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Error: ratings.dat, line 7 has 3 fields.\nGive it 4.\n")
    assert cli.main(["go", "--json"]) == 1
    error = {"problem": "ratings.dat, line 7 has 3 fields.", "remedy": "Give it 4."}
    assert json.loads(capsys.readouterr().out) == {"error": error}


def test_an_unknown_problem_shows_its_traceback_only_when_asked(monkeypatch, capsys):
    def go():
        raise RuntimeError("out of luck")

    with_command(monkeypatch, go)
    assert cli.main(["go"]) == 1
    quiet = capsys.readouterr().err
    assert "RuntimeError: out of luck" in quiet
    assert "--debug" in quiet
    assert "Traceback" not in quiet
    assert cli.main(["--debug", "go"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_with_130(monkeypatch, capsys):
    def go():
        raise KeyboardInterrupt

    with_command(monkeypatch, go)
    assert cli.main(["go"]) == 130
    assert "stopped" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["nonsense"], ["jobs", "list", "--count", "many"], ["jobs", "cancel"], []])
def test_what_it_does_not_understand_ends_with_2(argv, capsys):
    assert cli.main(argv) == 2
    assert capsys.readouterr().err.startswith("Error: ")


def test_progress_is_silent_without_a_terminal_and_drawn_on_one(monkeypatch, capsys):
    with common.progress() as report:
        report(0.5, "half")
    assert capsys.readouterr() == ("", "")
    seen = []
    monkeypatch.setattr(common, "_reporter", lambda share, message: seen.append((share, message)))
    with common.progress() as report:
        report(0.5, "half")
    assert seen == [(0.5, "half")]
    monkeypatch.setattr(common, "_reporter", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with common.progress() as report:
        report(0.5, "half [bold]")
    printed = capsys.readouterr()
    assert "50%" in printed.err
    assert "half [bold]" in printed.err
    assert printed.out == ""


def test_help_answers_at_once_and_loads_nothing_heavy():
    script = (
        "import sys\n"
        "from analysis.cli import main\n"
        "code = main(['--help'])\n"
        "heavy = {'numpy', 'pandas', 'duckdb', 'pyarrow', 'sqlalchemy', 'scipy', 'sklearn', 'implicit', 'surprise'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"
    assert "Usage: python -m analysis" in run.stdout


def test_a_real_ctrl_c_ends_with_130(workspace):
    # The progress bar's and typer's handlers are in place only in a real process.
    script = (
        "import sys, time, typer\n"
        "from analysis import cli\n"
        "def build():\n"
        "    app = typer.Typer()\n"
        "    app.callback()(cli._globals)\n"
        "    app.command('wait')(lambda: (print('on', flush=True), time.sleep(60))[0])\n"
        "    return app\n"
        "cli.build = build\n"
        "sys.exit(cli.main(['wait']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "on\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "command"), commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_every_command_has_help_json_and_a_place_in_the_docs(words, command):
    assert command.help, f"{' '.join(words)} has no help text"
    options = {name for parameter in command.params for name in parameter.opts}
    assert "--json" in options, f"{' '.join(words)} has no --json"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{' '.join(words)}: {parameter.name} has no help text"
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"## `{' '.join(words)}`" in text, "run `make docs`"


def test_the_docs_are_what_the_script_writes():
    run = subprocess.run(
        [sys.executable, "scripts/cli_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
