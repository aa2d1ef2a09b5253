"""
Run every benchmark and print its table: `python -m benchmarks [NAME…]`.

Cities have at most 100,000 buildings, so that all is done in minutes. `DOTHI_BENCH_LARGEST=1000000` goes further.
"""

import os
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    os.environ.setdefault("DOTHI_BENCH_LARGEST", "100000")
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    for name in names:
        print(f"\n== {name}", flush=True)
        sys.argv = [name]
        runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
