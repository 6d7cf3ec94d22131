"""`make bench`: measure, print a table, write bench.json. Exit 1 when a goal is missed.

Ratios are between two things measured in turn in one run; absolute figures say little elsewhere.
"""

import json
import sys
import tempfile
from pathlib import Path

from . import isolation, links, listing, memory, terminals
from .report import Row, table

SUITES = {
    "terminals": terminals.measure,
    "memory": memory.measure,
    "isolation": isolation.measure,
    "listing": listing.measure,
    "links": links.measure,
}


def main() -> int:
    """Run the suites named as arguments, or all."""
    rows: list[Row] = []
    for name in sys.argv[1:] or SUITES:
        print(f"measuring {name} …", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="batwa-bench-") as directory:
            rows += SUITES[name](Path(directory))
    print(table(rows))
    Path("bench.json").write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
