"""Which agents are of another release than the hub."""

import pytest

from batwa_hub.services.skew import skew


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.0", None),
        ("1.4.9", None),
        ("1.3.9", "older"),
        ("0.9", "older"),
        ("1.10.0", "newer"),
        ("2.0.0rc1", "newer"),
        (None, None),
        ("", None),
        ("built by hand", None),
    ],
)
def test_major_and_minor_count(version: str | None, expected: str | None) -> None:
    assert skew(version, "1.4.2") == expected
