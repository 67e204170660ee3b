"""Run every benchmark of this folder, or those that are named: `python -m benchmarks [--readme] [name …]`."""

import argparse
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = sorted(m.name for m in pkgutil.iter_modules([str(HERE)]) if m.name not in ("__main__", "common"))
README = HERE.parent / "README.md"
BEGIN, END = "<!-- promises: {name} -->", "<!-- /promises: {name} -->"


def main() -> int:
    """Each in a process of its own, so that none is measured in another's memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which ones; there are {', '.join(NAMES)}")
    parser.add_argument("--readme", action="store_true", help="write the tables into the README")
    asked = parser.parse_args()
    unknown = sorted(set(asked.name) - set(NAMES))
    if unknown:
        parser.error(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES)}.")
    codes = []
    for name in asked.name or NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        ran = subprocess.run(command, cwd=HERE.parent, check=False, stdout=subprocess.PIPE, text=True)
        print(ran.stdout, flush=True)
        codes.append(ran.returncode)
        if asked.readme and ran.returncode == 0:
            write(name, ran.stdout.strip())
    return max(codes, default=0)


def write(name: str, table: str) -> None:
    """Put one benchmark's table between its marks in the README, before the end of all where it has none yet."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    part = f"{begin}\n{table}\n{end}"
    text = README.read_text(encoding="utf-8")
    if begin in text:
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: part, text, flags=re.DOTALL)
    else:
        text = text.replace("<!-- /promises -->", f"{part}\n\n<!-- /promises -->")
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
