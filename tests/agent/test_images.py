"""Where images may come from: not from the machine's own files and services."""

from pathlib import Path

import pytest

from batwa_agent.multipass.images import ImageSources
from batwa_common.errors import DriverRefused


@pytest.mark.parametrize("image", ["22.04", "jammy", "daily:24.04", "ubuntu-20.04", "appliance:x"])
async def test_what_multipass_knows_by_name_is_its_own_business(image: str) -> None:
    await ImageSources(None).check(image)


@pytest.mark.parametrize(
    "image",
    [
        "http://127.0.0.1/x.img",
        "http://localhost:8001/x.img",
        "https://169.254.169.254/latest/meta-data",
        "HTTP://169.254.169.254/",
        "http://[::1]/x.img",
        "http://[::ffff:127.0.0.1]/x.img",
        "http://2852039166/x.img",
        "http://0/x.img",
        "ftp://127.0.0.1/x.img",
        "http://user@127.0.0.1/x.img",
        "http:///x.img",
    ],
)
async def test_no_image_is_fetched_from_the_machine_itself_or_a_clouds_metadata(image: str) -> None:
    with pytest.raises(DriverRefused, match=r"^image: "):
        await ImageSources(None).check(image)


async def test_an_image_may_come_from_a_server(tmp_path: Path) -> None:
    for image in ("https://198.51.100.7/x.img", "http://10.0.0.5:8080/x.img", "http://[2001:db8::1]/x.img"):
        await ImageSources(tmp_path).check(image)


@pytest.mark.parametrize(
    "name", ["/dev/sda", "/etc/shadow", "{0}/../secret.img", "{0}/link.img", "x.img", ""]
)
async def test_files_come_from_one_directory_only(tmp_path: Path, name: str) -> None:
    offered = tmp_path / "images"
    offered.mkdir()
    (offered / "link.img").symlink_to("/etc/passwd")

    for image in (f"file://{name.format(offered)}", f"FILE://{name.format(offered)}"):
        with pytest.raises(DriverRefused, match="image: a file must be in"):
            await ImageSources(offered).check(image)
    with pytest.raises(DriverRefused, match=r"set driver\.image_dir"):
        await ImageSources(None).check(f"file://{offered}/good.img")
    await ImageSources(offered).check(f"file://{offered}/good.img")
