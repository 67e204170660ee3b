"""Run every benchmark of this folder, or those that are named: `python -m benchmarks [name …]`."""

import pkgutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = sorted(m.name for m in pkgutil.iter_modules([str(HERE)]) if m.name not in ("__main__", "common"))


def main() -> int:
    """Each in a process of its own, so that none is measured in another's memory."""
    chosen = sys.argv[1:] or NAMES
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, check=False).returncode
        for name in chosen
    ]
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
