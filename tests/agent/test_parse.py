"""Whatever a program answers, a parser returns values or raises an error of ours."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.multipass.failures import failure
from batwa_agent.multipass.parse import (
    clean,
    parse_hypervisor,
    parse_info,
    parse_list,
    parse_setting_bytes,
    parse_setting_count,
    parse_version,
)
from batwa_common.errors import BatwaError, DriverFailed

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            *("name", "state", "release", "ipv4", "cpu_count", "disks", "memory", "load", "snapshot_count"),
            *("image_hash", "image_release", "total", "used", "sda1"),
        ]
    ),
    ANYTHING | st.dictionaries(st.sampled_from(["sda1", "total", "used"]), ANYTHING),
)
DOCUMENTS = st.one_of(
    st.fixed_dictionaries({"list": st.lists(FIELDS | ANYTHING) | ANYTHING}),
    st.fixed_dictionaries({"info": st.fixed_dictionaries({"foo": FIELDS}) | ANYTHING}),
    st.fixed_dictionaries({"multipass": ANYTHING, "multipassd": ANYTHING}),
    ANYTHING,
).map(json.dumps)
NOISE = st.text(alphabet="{}[]\":,\x1b\x08\r\n2K/-\\|aé%'. ", max_size=40)


@given(before=NOISE, document=DOCUMENTS | st.text(), after=NOISE, cut=st.integers(0, 200) | st.none())
def test_no_answer_raises_anything_but_our_errors(
    before: str, document: str, after: str, cut: int | None
) -> None:
    text = clean((before + document[:cut] + after).encode("utf-8", "surrogatepass"))
    parsers: list[Callable[[str], object]] = [
        *(parse_version, parse_list, parse_setting_bytes, parse_setting_count),
        lambda text: parse_info(text, "foo"),
    ]
    for parse in parsers:
        with suppress(DriverFailed):
            parse(text)


@given(st.binary(max_size=300))
def test_what_is_cleaned_has_no_control_left_and_stays_clean(output: bytes) -> None:
    text = clean(output)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in text)
    assert clean(text.encode()) == text


@given(code=st.integers(-64, 255), text=st.text(max_size=200) | NOISE)
def test_any_failure_is_one_sentence(code: int, text: str) -> None:
    error = failure("start", code, text)
    assert isinstance(error, BatwaError)
    assert str(error) == " ".join(str(error).split())


def test_json_is_found_behind_spinners_logs_and_braces() -> None:
    output = (
        b"\x1b[2K\x1b[0A\x1b[0EStarting foo  \x08/\x08-\x08 \x1b[2K\x1b[0A\x1b[0E"
        b"[2026-11-21T19:56:07.983] [warning] [daemon] odd {thing}: {}\r\n"
        b'{\r\n    "list": [\r\n {"name": "foo", "state": "Running", "release": "Not Available"}]\r\n}\r\n'
        b"[2026-11-21T19:56:08.000] [warning] [daemon] {late}\r\n"
    )
    assert parse_list(clean(output)) == [("foo", "Running", "")]


def test_an_entry_that_is_no_vm_is_left_out_and_an_unknown_state_is_unknown() -> None:
    entries = [
        *({"name": "web", "state": "Levitating", "surprise": 1}, {"name": "--all"}, {"name": 7}),
        *(None, "x", {"state": "Running"}, {"name": "a b"}),
    ]
    assert parse_list(json.dumps({"list": entries})) == [("web", "Unknown", "")]


def test_numbers_are_read_from_strings_and_empty_ones_are_unknown() -> None:
    foo = {
        "state": "Running",
        "cpu_count": "4",
        "disks": {"sda1": {"total": "100", "used": ""}, "sdb1": {"total": 50}},
        "memory": {"total": 2048.0, "used": "-1"},
        "load": [0.5, "x", float("nan"), 1],
        "ipv4": ["10.0.0.2", "not an address", None],
        "snapshot_count": "",
    }
    details = parse_info(json.dumps({"info": {"foo": foo}}), "foo")
    assert (details.cpus, details.disk_bytes, details.disk_used_bytes) == (4, 150, None)
    assert (details.memory_bytes, details.memory_used_bytes, details.snapshot_count) == (2048, None, 0)
    assert (details.load, details.ipv4, details.release) == ((0.5,), ("10.0.0.2",), "")


def test_an_answer_about_another_instance_is_refused() -> None:
    with pytest.raises(DriverFailed, match="did not tell about foo"):
        parse_info('{"errors": [], "info": {"bar": {}}}', "foo")


def test_the_setting_is_the_last_line_whatever_was_logged_before() -> None:
    logged = "[2026-11-21T19:42:37.074] [error] [remote settings] Could not reach daemon.\n"
    assert parse_setting_bytes(logged + "1.5GiB\n") == 3 << 29
    assert parse_setting_count(logged + "2\n") == 2


def test_a_list_of_ten_thousand_is_read_in_one_go() -> None:
    entries = [{"name": f"vm{i}", "state": "Running", "release": "", "ipv4": []} for i in range(10_000)]
    text = clean(json.dumps({"list": entries}, indent=4).replace("\n", "\r\n").encode())
    assert len(parse_list(text)) == 10_000


@pytest.mark.parametrize(
    ("text", "platform", "told"),
    [
        ("qemu\n", "linux", "kvm"),
        ("libvirt\n", "linux", "kvm"),
        ("qemu\n", "darwin", "qemu"),
        ("virtualbox\n", "win32", "virtualbox"),
        ("<empty>\n", "linux", None),
        ("", "linux", None),
        ("two words", "linux", None),
    ],
)
def test_what_multipass_runs_on(text: str, platform: str, told: str | None) -> None:
    assert parse_hypervisor(text, platform) == told
