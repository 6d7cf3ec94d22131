"""`python -m deploy.pins batwa-hub`: the lines of requirements.lock that one distribution needs here.

For `pip install --require-hashes -r`, before the distribution itself is installed with `--no-deps`.
"""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==.*(?:\n    .*)*", re.MULTILINE)


def closure(wanted: str) -> set[str]:
    """Return the names of all that *wanted*, such as `batwa-common[cli]`, needs here, itself included."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(wanted), "")]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for each in ("", *sorted(requirement.extras)):
            if (name, each) not in found:
                found.add((name, each))
                waiting += [(Requirement(line), each) for line in distribution(name).requires or ()]
    return {name for name, _ in found}


def pinned(names: set[str]) -> str:
    """Return the lines of requirements.lock, hashes included, for *names*."""
    lock = (ROOT / "requirements.lock").read_text()
    blocks = {canonicalize_name(found["name"]): found[0] for found in _PIN.finditer(lock)}
    return "".join(f"{blocks[name]}\n" for name in sorted(names & blocks.keys()))


if __name__ == "__main__":
    sys.stdout.write(pinned(closure(sys.argv[1])))
