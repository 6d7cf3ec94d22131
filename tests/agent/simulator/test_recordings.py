"""The simulator answers as the real program did."""

import json
import re
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from .conftest import RECORDINGS, Answer, Sim
from .situations import ELSEWHERE, NOT_SIMULATED, REPLAYED, Case

NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))
_RELEASE = r"Debian GNU/Linux 12 \(bookworm\)|Ubuntu 24\.04 LTS"
_NORMAL = (
    ("\r\n", "\n"),
    (r"(\x08[-/|\\])+", "<spin>"),
    (r"(\rRetrieving image: \d+%\x1b\[2K\x1b\[0A\x1b\[0E)+", "<retrieving>"),
    (r"\[\d{4}-\d\d-\d\dT[^\]]*\]", "[<time>]"),
    (r"1\.16\.3(\+sim)?", "<version>"),
    (r"\b\d+\.\d+\.\d+\.\d+(?= ) *", "<ip> "),
    (r"\b10\.\d+\.\d+\.\d+", "<ip>"),
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"(Image hash: +)[0-9a-f]{12}", r"\1<hash>"),
    (rf"(Release: +|release: )({_RELEASE})", r"\1<release>"),
    (rf",({_RELEASE}),<hash>", ",<release>,<hash>"),
    (r"\d+(\.\d+)?[KMG]iB", "<size>"),
    (r"\b\d{8,}\b", "<bytes>"),
    (r"(Load: +|,)[\d.]+ [\d.]+ [\d.]+", r"\1<load>"),
    (r"    load:\n(      - [\d.]+\n){3}", "    load: <load>\n"),
    (r"Hash of \S+", "Hash of <path>"),
    (r"(?m)^.*\[(blueprint provider|url downloader)\].*\n", ""),
    (r"(\x1b\[2K\x1b\[0A\x1b\[0E)+", "<clear>"),
    (
        r"(Creating \S+  |Preparing image for \S+  )(<spin>)?\x08 <clear>(\1(<spin>)?\x08 <clear>)+",
        "\\1<spin>\x08 <clear>",
    ),
    (r"<spin>(\x08 )?<clear>Timed", "<clear>Timed"),
    (r"(Creating |Configuring |Starting )[a-z]+-[a-z]+(?=  )", r"\1<random>"),
)


def _case(name: str) -> Case | None:
    if any(fnmatch(name, pattern) for pattern in (*ELSEWHERE, *NOT_SIMULATED)):
        return None
    return next((case for pattern, case in REPLAYED if fnmatch(name, pattern)), None)


def _normal(text: str) -> str:
    for pattern, replacement in _NORMAL:
        text = re.sub(pattern, replacement, text)
    return text


def _comparable(text: str) -> Any:
    """Return text without what may differ; JSON as data, in any order."""
    try:
        found = json.loads(text)
    except ValueError:
        return _normal(text)
    if not isinstance(found, dict):
        return found
    for facts in found.get("info", {}).values():
        for key in ("load", "memory", "disks", "release"):
            facts[key] = _shape(facts[key])
    if isinstance(found.get("list"), list):
        found["list"].sort(key=lambda row: row["name"])
    return json.loads(_normal(json.dumps(found)))


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return ["number" for _ in value]
    return "text" if isinstance(value, str) and value else "" if value == "" else "number"


@pytest.fixture(scope="module")
def situations() -> dict[tuple[str, ...], Path]:
    """Keep machines in recorded situations, by the commands that led there."""
    return {}


def _come_to(case: Case, home: Path, image: Path) -> Path:
    """Bring the machine at *home* into the recorded situation."""
    sim = Sim(home)
    for line in case.before:
        words = line.replace("IMAGE", str(image)).split()
        faults = dict(word.removeprefix("MULTIPASS_SIM_").split("=") for word in words if "SIM_" in word)
        words = [word for word in words if "SIM_" not in word]
        if "600" in faults.values():
            with sim.start(*words, DOWNLOAD="never", **faults) as process:
                sim.until(words[-1], "Starting" if words[0] == "start" else "Unknown")
                process.kill()
        else:
            sim.run(*words, **faults)
    return home


def _replay(sim: Sim, recording: dict[str, Any], case: Case, image: Path) -> Answer:
    argv = [word.replace("/srv/images/debian12.qcow2", str(image)) for word in recording["argv"][1:]]
    argv = [re.sub("/srv/images/(debian12|blank).img", str(image), word) for word in argv]
    argv = [word.replace("sleep 1;", "sleep 0.01;") for word in argv]
    if recording["exit"] == 5 and "--timeout" in argv:  # which need not be so long
        argv[argv.index("--timeout") + 1] = "1"
    if not recording["tty"]:
        return sim.run(*argv, stdin=recording.get("stdin", ""), **(case.faults or {}))
    return sim.terminal(*argv, **(case.faults or {})).finish()


def test_every_recording_is_accounted_for() -> None:
    lost = [name for name in NAMES if _case(name) is None]

    assert not [name for name in lost if not any(fnmatch(name, p) for p in (*ELSEWHERE, *NOT_SIMULATED))]
    assert len(NAMES) > 500


@pytest.mark.parametrize("name", [name for name in NAMES if _case(name)])
def test_it_answers_as_recorded(
    sim: Sim,
    tmp_path: Path,
    situations: dict[tuple[str, ...], Path],
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
) -> None:
    recording = json.loads((RECORDINGS / f"{name}.json").read_text())
    image = tmp_path / "debian12.img"
    image.write_text("an image")
    case = _case(name)
    assert case is not None
    if case.before not in situations:
        situations[case.before] = _come_to(case, tmp_path_factory.mktemp("situation") / "machine", image)
    if case.before:
        shutil.copytree(situations[case.before], sim.home)

    answer = _replay(sim, recording, case, image)

    assert answer.exit == recording["exit"]
    assert _comparable(answer.stdout) == _comparable(recording["stdout"])
    if not recording["tty"]:
        assert _normal(answer.stderr) == _normal(recording["stderr"])
