"""The second API's units and names, and ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batwa_common.wire.documented import ListedVm
from batwa_common.wire.resource import (
    GB,
    MB,
    NewVmResource,
    VmFilter,
    VmResource,
    image_name,
    same_hypervisor,
    whole,
)
from batwa_common.wire.vm import size_bytes


def listed(**more: object) -> ListedVm:
    fields = {"id": "vm-1", "name": "web", "state": "Running", "agent_id": None, "agent_hostname": "local"}
    return ListedVm.model_validate(fields | {"stale_s": 1.0} | more)


@given(memory=st.integers(1, 1 << 30), disk=st.integers(1, 1 << 20))
def test_whole_sizes_come_back_as_they_were_asked_for(memory: int, disk: int) -> None:
    asked = NewVmResource(name="web", image="22.04", memory=memory, disk_size=disk)
    command = asked.command(None)

    assert (size_bytes(command.memory), size_bytes(command.disk)) == (memory * MB, disk * GB)
    given = listed(memory_bytes=size_bytes(command.memory), disk_bytes=size_bytes(command.disk))
    shown = VmResource.of(given, hypervisor="kvm")
    assert (shown.memory, shown.disk_size) == (memory, disk)


@given(size=st.integers(1, 1 << 50), unit=st.sampled_from([MB, GB]))
def test_an_odd_size_is_told_to_the_nearest_and_never_as_nothing(size: int, unit: int) -> None:
    told = whole(size, unit)

    assert told is not None and told >= 1
    assert told == 1 or abs(told * unit - size) <= unit // 2


def test_half_a_unit_is_rounded_up() -> None:
    assert [whole(size, GB) for size in (1, GB // 2, GB + GB // 2 - 1, GB + GB // 2)] == [1, 1, 1, 2]


def test_what_is_not_known_is_null() -> None:
    shown = VmResource.of(listed(), hypervisor=None)

    assert (shown.cpu_cores, shown.memory, shown.disk_size, shown.created_at) == (None,) * 4
    assert shown.hypervisor == "unknown"


def test_the_defaults_are_the_documented_ones() -> None:
    command = NewVmResource(name="web", image="22.04").command(None)

    assert (command.cpus, command.memory, command.disk) == (2, "2G", "20G")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("22.04", "22.04"),
        ("ubuntu-20.04", "20.04"),
        ("Ubuntu-20.04", "20.04"),
        ("ubuntu:24.04", "24.04"),
        ("ubuntu", "lts"),
        ("jammy", "jammy"),
        ("daily:noble", "daily:noble"),
        ("file:///srv/images/ubuntu-20.04.img", "file:///srv/images/ubuntu-20.04.img"),
        ("https://example.org/ubuntu-20.04.img", "https://example.org/ubuntu-20.04.img"),
    ],
)
def test_images_of_both_styles(image: str, name: str) -> None:
    assert image_name(image) == name


def test_qemu_on_linux_is_kvm() -> None:
    assert same_hypervisor("QEMU") == same_hypervisor("kvm") != same_hypervisor("xen")


def test_the_agent_of_the_body_comes_before_the_query_s() -> None:
    asked = NewVmResource(name="web", image="22.04")

    assert asked.command("oslo").agent_id == "oslo"
    assert asked.model_copy(update={"agent_id": "bergen"}).command("oslo").agent_id == "bergen"


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ({}, True),
        ({"state": "running"}, True),
        ({"state": "Stopped"}, False),
        ({"q": "WE"}, True),
        ({"q": "10.0.0"}, True),
        ({"q": "mail"}, False),
    ],
)
def test_filters(asked: dict[str, str], *, matches: bool) -> None:
    assert VmFilter.model_validate(asked).matches(listed(ipv4=["10.0.0.7"])) is matches


@pytest.mark.parametrize(
    "asked", [{"state": "gone"}, {"tag": "site"}, {"tag": "=x"}, {"limit": 0}, {"x": "y"}]
)
def test_a_filter_that_means_nothing_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VmFilter.model_validate(asked)
