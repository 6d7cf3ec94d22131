"""Every recording of a command the driver uses is read as stated here; none is passed over in silence."""

import json
from pathlib import Path
from typing import Any

import pytest

from batwa_agent.multipass.failures import failure
from batwa_agent.multipass.parse import (
    clean,
    parse_info,
    parse_list,
    parse_setting_bytes,
    parse_setting_count,
    parse_version,
)
from batwa_agent.multipass.progress import ProgressParser
from batwa_common.errors import (
    BatwaError,
    DriverFailed,
    DriverRefused,
    DriverTimeout,
    DriverUnavailable,
    VmExists,
    VmNotFound,
    VmStateConflict,
)

RECORDINGS = Path(__file__).parent.parent / "recordings"
COMMANDS = {
    *("version", "list", "ls", "info", "launch", "start", "stop", "restart", "suspend"),
    *("delete", "recover", "get", "shell"),
}

FAILURES: dict[type[BatwaError], str] = {
    VmNotFound: """
        07-info-nonexistent 07-info-nonexistent-json 08-delete-nonexistent 08-delete-nonexistent-tty
        08-recover-nonexistent 08-recover-nonexistent-tty 08-restart-noargs 08-restart-nonexistent
        08-restart-nonexistent-tty 08-start-nonexistent 08-start-nonexistent-tty 08-stop-noargs
        08-stop-nonexistent 08-stop-nonexistent-tty 08-suspend-noargs 08-suspend-nonexistent
        08-suspend-nonexistent-tty 09-shell-nonexistent 09-shell-nonexistent-tty 21-info-mixed
        21-info-mixed-table 28-delete-snapshot-missing 28-info-missing-snapshot 30-delete-mixed
        39-delete-during-creating 39-info-during-creating 39-stop-during-creating 72-start-one-missing
        72-stop-one-missing
    """,
    VmExists: """
        21-launch-existing-name 21-launch-existing-name-tty 30-launch-name-of-deleted 36-relaunch-k1
        39-launch-same-name-during-creating 39-launch-same-name-during-starting
    """,
    VmStateConflict: """
        27-restart-stopped 30-shell-deleted 30-start-deleted 30-stop-deleted 34-stop-suspended
        39-start-during-starting 43-stop-in-unknown-state
    """,
    DriverRefused: """
        02-list-badformat 02-list-extra-arg 06-get-noarg 08-delete-noargs 08-recover-noargs
        11-launch-bad-network 11-launch-bad-timeout 11-launch-badcpus-text 11-launch-badcpus-zero
        11-launch-baddisk-small 11-launch-baddisk-text 11-launch-badimage-alias 11-launch-badimage-file
        11-launch-badimage-file-tty 11-launch-badimage-remote 11-launch-badmem-negative
        11-launch-badmem-small 11-launch-badmem-text 11-launch-badname-digit
        11-launch-badname-trailing-hyphen 11-launch-badname-underscore 11-launch-badname-underscore-tty
        11-launch-bridged-unset 11-launch-cloudinit-bad 11-launch-cloudinit-missing
        11-launch-disk-below-image 11-launch-mount-missing 11-launch-too-many-args
        12-launch-nonetwork-logs 50-down-launch-bad-args 63-launch-network-nontty
        63-launch-network-prompt-no-tty 72-start-all-bad-combo
    """,
    DriverUnavailable: """
        00-neverstarted-list 00-neverstarted-version 12-daemon-crash-during-launch 50-down-delete 50-down-get
        50-down-info 50-down-info-json 50-down-launch 50-down-launch-tty 50-down-list 50-down-list-json
        50-down-list-tty 50-down-recover 50-down-restart 50-down-shell 50-down-shell-tty 50-down-start
        50-down-stop 50-down-suspend 51-stale-socket-info-json 51-stale-socket-launch 51-stale-socket-list
        51-stale-socket-shell-tty 53-unauth-launch 53-unauth-list 53-unauth-list-json 54-nobody-launch
        54-nobody-list 76-env-server-address-bad 76-env-server-address-garbage 77-no-home
    """,
    DriverTimeout: """
        43-start-timeout-3 64-start-primary-absent-tty 71-launch-never-boots 73-launch-random-name-tty
    """,
    DriverFailed: """
        03-unknown-option 06-get-unknown 11-launch-http-unreachable 28-delete-snapshot-nontty
        28-delete-snapshot-tty-no 38-launch-hash-mismatch-tty
        23-shell-sighup-close 23-shell-sigterm-cli 26-start-with-native-mount-tty
        36-launch-again-after-kill-tty 36-launch-ctrl-c-early-tty 36-launch-sigkill-download-tty
        36-launch-sigterm-starting-tty 51-daemon-hung-list 51-daemon-hung-list-ctrl-c-tty
        51-daemon-hung-version 61-frozen-info 61-frozen-pending-info-other
        61-frozen-pending-launch-badname 61-frozen-pending-list-no-ipv4 61-frozen-pending-version
        68-shell-while-stop-force-under-it 71-delete-after 71-stop-after
    """,
}
EXPECTED_FAILURE = {name: error for error, names in FAILURES.items() for name in names.split()}

SENTENCES = {
    "08-start-nonexistent-tty": "Instance 'nosuch' does not exist.",
    "11-launch-baddisk-small": "Invalid disk size value supplied: 100M.",
    "11-launch-badimage-file-tty": "Custom image `/srv/images/nosuch.img` does not exist.",
    "11-launch-badcpus-zero": "invalid CPU count '0', need a positive integer value.",
    "11-launch-badmem-text": "lots is not a valid memory size - need a non-negative integer (in base 10) or "
    "a decimal followed by K, M, or G (e.g. 1234B, 42MiB, 0.5G)",
    "11-launch-http-unreachable": "failed to download from 'http://127.0.0.1:9/x.img': Connection refused",
    "12-launch-nonetwork-logs": "Invalid instance name supplied: bad_name",
    "30-start-deleted": "Instance 'foo-clone1' is deleted; it is in the trash: recover it, or delete it "
    "with purge",
    "34-stop-suspended": "Cannot shut down suspended instance foo. Use --force to power it off.",
    "39-launch-same-name-during-creating": 'instance "c1" is being prepared',
    "43-start-timeout-3": "Timed out waiting for instance to start.",
    "51-stale-socket-list": "cannot connect to the multipass socket; the Multipass daemon is not running; "
    "start it (with the snap: sudo snap start multipass)",
    "63-launch-network-nontty": "Missing bridges; Invalid network options supplied",
    "71-stop-after": "multipass stop was ended by signal 9 before it was done",
}

LAUNCHED = ["Configuring", "Starting", "Waiting for initialization to complete", "Launched"]
PHASES = {
    "20-launch-file-nontty": ["Creating", "Preparing image", *LAUNCHED],
    "20-launch-file-tty": ["Creating", "Preparing image", *LAUNCHED],
    "31-launch-download-tty": [
        *("Creating", "Retrieving image", "Verifying image", "Preparing image"),
        *LAUNCHED,
    ],
    "39-launch-parallel-c1": ["Creating", *LAUNCHED],
    "39-launch-parallel-c2": ["Creating", *LAUNCHED],
    # the driver never names two, nor all
    "08-restart-all-none": ["Restarting all instances"],
    "08-start-all-none": ["Starting all instances"],
    "08-stop-all-none": ["Stopping all instances"],
    "08-suspend-all-none": ["Suspending all instances"],
    "40-stop-two": ["Stopping requested instances"],
    "40-stop-two-already-tty": ["Stopping requested instances"],
    # of those that failed: how far they came
    "11-launch-disk-below-image": ["Creating", "Preparing image"],
    "36-launch-ctrl-c-early-tty": ["Creating", *LAUNCHED[:3]],
    "36-launch-sigkill-download-tty": ["Creating", "Retrieving image"],
    "38-launch-hash-mismatch-tty": ["Creating", "Retrieving image", "Verifying image"],
    "43-start-timeout-3": ["Starting"],
    "64-start-primary-absent-tty": ["Starting", "Creating", "Configuring", "Starting"],
    "71-launch-never-boots": ["Creating", "Preparing image", "Configuring", "Starting"],
}
WORKING = {"start": "Starting", "stop": "Stopping", "restart": "Restarting", "suspend": "Suspending"}

SETTINGS = {"21-get-cpus": 1, "21-get-memory": 1 << 30, "21-get-disk": 5 << 30}

NOT_ONE_CALL = {
    "66-parallel-list-10": "timings of many calls, without their output",
    "66-parallel-list-noipv4-10": "timings of many calls, without their output",
    "66-parallel-version-10": "timings of many calls, without their output",
    "67b-latency-during-delete-running": "timings of other calls during this one, without output",
    "67b-latency-during-restart": "timings of other calls during this one, without output",
    "67b-latency-during-resume": "timings of other calls during this one, without output",
    "67b-latency-during-start": "timings of other calls during this one, without output",
    "67b-latency-during-stop": "timings of other calls during this one, without output",
    "67b-latency-during-suspend": "timings of other calls during this one, without output",
}


def _command(recording: dict[str, Any]) -> str | None:
    # One is `env -u HOME multipass list`, some begin with options.
    words = iter(recording.get("argv", []))
    for word in words:
        if word.rpartition("/")[2] == "multipass":
            return next((word for word in words if not word.startswith("-")), None)
    return None


def _load() -> dict[str, dict[str, Any]]:
    every = {file.stem: json.loads(file.read_text()) for file in sorted(RECORDINGS.glob("*.json"))}
    return {name: recording for name, recording in every.items() if _command(recording) in COMMANDS}


RECORDED = _load()
CALLS = {name: recording for name, recording in RECORDED.items() if name not in NOT_ONE_CALL}
FAILED = {name for name, recording in CALLS.items() if recording["exit"] != 0}


def _output(name: str) -> bytes:
    recording = CALLS[name]
    merged = "" if recording["tty"] else recording["stderr"]
    return (recording["stdout"] + merged).encode()


def _phases(name: str) -> list[str]:
    seen = [progress.phase for progress in ProgressParser().feed(_output(name))]
    return [phase for phase, before in zip(seen, [None, *seen], strict=False) if phase != before]


def test_every_recording_of_our_commands_is_a_case() -> None:
    assert len(RECORDED) > 250
    assert {"stdout", "exit"}.isdisjoint(RECORDED["66-parallel-list-10"])
    assert NOT_ONE_CALL.keys() == {name for name, one in RECORDED.items() if "stdout" not in one}
    assert EXPECTED_FAILURE.keys() == FAILED
    assert (SENTENCES.keys() | PHASES.keys() | SETTINGS.keys()) <= CALLS.keys()


@pytest.mark.parametrize("name", sorted(FAILED))
def test_a_failure_has_its_class_and_a_clean_sentence(name: str) -> None:
    recording = CALLS[name]
    error = failure(str(_command(recording)), recording["exit"], clean(_output(name)))
    assert type(error) is EXPECTED_FAILURE[name]
    sentence = str(error)
    assert sentence == SENTENCES.get(name, sentence)
    assert sentence == " ".join(sentence.split())
    assert not any(part in sentence for part in ("failed: ", "[error]", "unhandled", "\x1b", "\x08"))
    assert "'purge'" not in sentence


def _json_of(name: str) -> bool:
    argv = CALLS[name]["argv"]
    return "json" in argv and "--snapshots" not in argv


@pytest.mark.parametrize(
    "name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) in {"list", "ls"})
)
def test_a_list_is_read_whole_or_refused(name: str) -> None:
    text = clean(_output(name))
    if not _json_of(name):
        with pytest.raises(DriverFailed, match="cannot be read"):
            parse_list(text)
        return
    truth = json.loads(CALLS[name]["stdout"])["list"]
    listed = parse_list(text)
    assert [(vm.name, vm.state) for vm in listed] == sorted((one["name"], one["state"]) for one in truth)
    assert {vm.release for vm in listed} <= {"", "Ubuntu 24.04 LTS", "Ubuntu 22.04 LTS", "Ubuntu 25.10"}


@pytest.mark.parametrize("name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) == "info"))
def test_info_is_read_for_every_instance_in_it(name: str) -> None:
    text = clean(_output(name))
    if not _json_of(name):
        with pytest.raises(DriverFailed, match="cannot be read"):
            parse_info(text, "foo")
        return
    for instance, truth in json.loads(CALLS[name]["stdout"])["info"].items():
        details = parse_info(text, instance)
        assert details.state == truth.get("state", "Unknown")
        assert details.image_hash == truth.get("image_hash", "")
        assert details.ipv4 == tuple(truth.get("ipv4", ()))
        assert details.load == tuple(truth.get("load", ()))
        assert details.snapshot_count == int(truth.get("snapshot_count", 0))
        running = details.state == "Running"
        assert (details.cpus is not None) is running
        assert (details.memory_used_bytes is not None) is running
        assert (details.disk_bytes is not None) is running


@pytest.mark.parametrize("name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) == "version"))
def test_a_version_without_its_second_line_has_no_daemon(name: str) -> None:
    text = clean(_output(name))
    if not _json_of(name):
        with pytest.raises(DriverFailed, match="cannot be read"):
            parse_version(text)
        return
    assert parse_version(text) == ("1.16.3", None if name.startswith("50-down") else "1.16.3")


@pytest.mark.parametrize("name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) == "get"))
def test_a_setting_is_read_as_a_number_or_refused(name: str) -> None:
    text = clean(_output(name))
    parse = parse_setting_count if name == "21-get-cpus" else parse_setting_bytes
    if name in SETTINGS:
        assert parse(text) == SETTINGS[name]
    else:
        with pytest.raises(DriverFailed, match="which is not a"):
            parse(text)


@pytest.mark.parametrize(
    "name",
    sorted(PHASES.keys() | {n for n in CALLS.keys() - FAILED if _command(CALLS[n]) in {*WORKING, "launch"}}),
)
def test_progress_tells_the_phases_in_order(name: str) -> None:
    assert _phases(name) == PHASES.get(name, [WORKING.get(str(_command(CALLS[name])), "")])


@pytest.mark.parametrize(
    "name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) in {"delete", "recover"})
)
def test_delete_and_recover_say_nothing_when_they_work(name: str) -> None:
    assert clean(_output(name)) == ""
    assert _phases(name) == []


@pytest.mark.parametrize("name", sorted(n for n in CALLS.keys() - FAILED if _command(CALLS[n]) == "shell"))
def test_a_shell_that_ended_is_no_failure_and_cleaning_it_is_safe(name: str) -> None:
    assert "\x1b" not in clean(_output(name))
