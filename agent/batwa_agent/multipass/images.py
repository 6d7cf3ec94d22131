"""Where images may come from: Multipass fetches them with all the rights of the machine."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

from batwa_common.addresses import is_special, parse_address
from batwa_common.errors import DriverRefused

RESOLVE_S = 10.0
"""How long the name of an image's server may take to be found."""


class ImageSources:
    """Refuses files outside one directory, and servers that only this machine can reach.

    Multipass resolves a server's name again, and follows where it redirects to; this keeps out what is
    plainly asked for, not a server that works against its own users.

    Args:
        directory: Where images may be given as `file://…`; None for nowhere.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    async def check(self, image: str) -> None:
        """Return if a VM may be made from *image*. Raises `DriverRefused`."""
        scheme, separator, rest = image.partition("://")
        if not separator:
            return  # a release, an alias, or one of a remote that Multipass knows
        if scheme.lower() == "file":
            await asyncio.to_thread(self._check_file, rest)
        else:
            await self._check_server(image)

    def _check_file(self, path: str) -> None:
        if self._directory is None:
            raise DriverRefused("image: files are not offered here; set driver.image_dir on that machine")
        if not Path(path).resolve().is_relative_to(self._directory.resolve()):
            raise DriverRefused(f"image: a file must be in {self._directory} of that machine")

    async def _check_server(self, url: str) -> None:
        try:
            host = urlsplit(url).hostname or ""
            async with asyncio.timeout(RESOLVE_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, ValueError, TimeoutError) as err:  # what is no host name is a UnicodeError
            raise DriverRefused(f"image: the server of {url} is not found from that machine") from err
        for *_, sockaddr in found:
            address = parse_address(str(sockaddr[0]))
            if address is None or address.is_loopback or is_special(address):
                raise DriverRefused(f"image: {host} is {sockaddr[0]}, from where no image is fetched")
