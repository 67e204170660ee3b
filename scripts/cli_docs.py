"""Write docs/cli.md from the commands' own help: `make docs`; with `--check`, only say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis import cli  # noqa: E402

TARGET = ROOT / "docs" / "cli.md"

HEAD = """# Command line

`python -m analysis …` does what the pages do. Run it in the checkout with the environment that `make app` made:
`.venv/bin/python -m analysis --help`.

- With `--json`, standard output holds exactly one JSON document: the result (`summary` and `rows`, and what a command
  adds), or `{"error": {"problem": …, "remedy": …}}`.
- The exit code is 0 only when the work was done; 1 after a problem, 2 for words it does not understand, 130 after
  Ctrl-C.
- `python -m analysis --debug …` shows where an unexpected error came from.
- What is made goes into `workspace/`, or into the folder that `PRIMETIME_HOME` names.

This page is written by `make docs` from the commands' own help.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    group: Any = typer.main.get_command(cli.build())
    _walk(group, [], parts)
    return "\n".join(parts)


def _walk(group: Any, words: list[str], parts: list[str]) -> None:
    for name, command in sorted(group.commands.items()):
        path = [*words, name]
        if hasattr(command, "commands"):
            _walk(command, path, parts)
            continue
        arguments = " ".join(_usage(parameter) for parameter in command.params if parameter.name != "help")
        parts.append(f"## `{' '.join(path)}`\n\n{_text(command.help)}\n")
        parts.append(f"    python -m analysis {' '.join(path)} {arguments}".rstrip() + "\n")
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        parts.append("\n".join(["| | | default |", "|---|---|---|", *rows]) + "\n")


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = _metavar(parameter)
        name += "…" if parameter.nargs == -1 else ""
        return name if parameter.required else f"[{name}]"
    word = max(parameter.opts, key=len)
    if not parameter.is_flag:
        word += f" {_metavar(parameter)}"
    return word if parameter.required else f"[{word}]"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or (parameter.name or "").upper())


def _row(parameter: Any) -> str:
    names = (
        f"`{_metavar(parameter)}`"
        if parameter.param_type_name == "argument"
        else ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    )
    default = parameter.default
    if parameter.required:
        shown = "required"
    elif default is None or default is False or default == () or callable(default):
        shown = ""
    else:
        shown = f"`{', '.join(map(str, default)) if isinstance(default, list | tuple) else default}`"
    cells = (names, _text(getattr(parameter, "help", "") or "").replace("\n", " "), shown)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _text(help_text: str | None) -> str:
    return "\n".join(line.strip() for line in (help_text or "").strip().splitlines())


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    text = page()
    if "--check" not in argv:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("docs/cli.md does not match the commands: run `make docs`.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
