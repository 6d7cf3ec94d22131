"""Parts of the command that need no hub."""

from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from batwa_common.cli import credentials
from batwa_common.cli.__main__ import exit_code
from batwa_common.cli.credentials import Credentials, Login
from batwa_common.cli.screen import Modes
from batwa_common.cli.shell import detach_byte
from batwa_common.cli.show import age, cell, printable
from batwa_common.errors import BatwaError, NotAuthenticated

SHOWN = b"\x1b[?1049h\x1b[?1000;1006hvi\x1b[?25l\x1b[?1000l\x1b[?7h"


@given(st.integers(0, len(SHOWN)), st.integers(0, len(SHOWN)))
def test_what_a_program_switched_on_is_known_in_whatever_pieces_it_came(one: int, other: int) -> None:
    first, second = sorted((one, other))
    modes = Modes()
    for piece in (SHOWN[:first], SHOWN[first:second], SHOWN[second:]):
        modes.feed(piece)

    assert modes.undo() == b"\x1b[?1006l\x1b[?1049l\x1b[?25h\x1b[0m"


def test_a_screen_left_as_it_was_is_left_alone() -> None:
    modes = Modes()
    modes.feed(b"plain \x1b[31mred\x1b[0m \x1b[?2004h\x1b[?2004l")

    assert modes.undo() == b""


@pytest.mark.parametrize(
    ("name", "byte"), [("ctrl-]", b"\x1d"), ("Ctrl-a", b"\x01"), ("^@", b"\x00"), ("none", b"")]
)
def test_a_detach_key_is_named_as_people_name_keys(name: str, byte: bytes) -> None:
    assert detach_byte(name) == byte


def test_a_key_that_is_none_is_a_wrong_command_line() -> None:
    with pytest.raises(typer.BadParameter, match="ctrl-"):
        detach_byte("escape")


def test_logins_are_kept_apart_and_for_their_owner(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "credentials.json"
    one, two = Login(username="ada", token="t1"), Login(username="bob", session_id="s2")
    assert credentials.load(file) == Credentials()

    credentials.save(file, Credentials().with_login("http://a", one).with_login("http://b", two))
    stored = credentials.load(file)

    assert (stored.current, dict(stored.hubs)) == ("http://b", {"http://a": one, "http://b": two})
    assert stored.without("http://b") == Credentials("http://a", {"http://a": one})
    assert file.stat().st_mode & 0o777 == 0o600 and [file] == list(file.parent.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "credentials.json"
    credentials.save(file, Credentials())
    file.chmod(mode)

    with pytest.raises(NotAuthenticated, match="chmod 600"):
        credentials.load(file)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("not-authenticated", 3),
        ("forbidden", 3),
        ("vm-not-found", 4),
        ("vm-busy", 1),
        ("agent-unreachable", 1),
        ("hub-unreachable", 5),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(code: str, status: int) -> None:
    assert exit_code(BatwaError.by_code[code]()) == status


def test_nothing_that_is_shown_drives_the_terminal() -> None:
    assert printable("a\x1b]0;title\x07b") == "a\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}b"
    assert cell({"k": ["ä", None, True, 0.123456]}) == "k=ä, , yes, 0.12"
    assert [age(seconds) for seconds in (0.4, 59, 61, 7200, 200000)] == ["0s", "59s", "1m", "2h", "2d"]
