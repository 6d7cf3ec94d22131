"""The hub's certificate while it serves: loaded, watched, and replaced without a connection lost.

Every source gives a `Material` of files; `ServerTls` makes an SSL context of them and looks again
each minute, so a certificate that was renewed, by us or by another program, is in use soon after.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509

from batwa_common.tls import fingerprint
from batwa_common.wire.base import utc_now
from batwa_hub.secrets import KeyFileUnusable, refuse_open_to_others, replace_private

from .authority import Authority, ServerCertificate

log = structlog.stdlib.get_logger(__name__)

LOOK_S = 60.0
"""How often the files and this machine's names are looked at."""
RENEW = timedelta(days=30)
"""A certificate is renewed this long before it ends."""
_EXPOSED = "make a new CA with `batwa-hub ca rotate` and, once every agent was here, `batwa-hub ca retire`"


class TlsUnusable(Exception):
    """The certificate or its key cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Material:
    """What TLS is served with."""

    certificate: Path
    """The certificate and what links it to its CA, PEM."""
    key: Path
    """Its key, PEM; may be the same file."""
    content: bytes
    """Of both files: when it changes they are loaded anew."""
    bundle: str | None
    """The CAs that callers are to believe, PEM; None if the system's trust store knows them."""


class OwnAuthority:
    """Certificates from a CA that this hub makes for itself. Every method blocks.

    Args:
        directory: Where `authority.pem`, `server.pem` and `ca.pem` are kept.
        names: Tells what this machine goes by now.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        directory: Path,
        names: Callable[[], frozenset[str]] = frozenset,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._authority = directory / "authority.pem"
        self._server = directory / "server.pem"
        self._bundle = directory / "ca.pem"
        self._names = names
        self._now = now

    def material(self) -> Material:
        """Return what to serve with, made or renewed if need be. Raises `TlsUnusable`."""
        authority, names = self.authority(), self._names()
        server = self._read_server()
        if server is None or not server.serves(authority, names, self._now() + RENEW):
            server = authority.issued(names, self._now())
            replace_private(self._server, server.to_pem())
            log.info(
                "tls.issued", names=sorted(names), until=server.certificate.not_valid_after_utc.isoformat()
            )
        return Material(self._server, self._server, server.to_pem(), authority.bundle())

    def is_made(self) -> bool:
        """Tell whether there is a CA already."""
        return self._authority.exists()

    def authority(self) -> Authority:
        """Return the CA, which is made the first time. Raises `TlsUnusable`."""
        try:
            if not self.is_made():
                self._keep(Authority.new(self._now()))
            refuse_open_to_others(self._authority, otherwise=_EXPOSED)
            return Authority.from_pem(self._authority.read_bytes())
        except KeyFileUnusable as err:
            raise TlsUnusable(str(err)) from err
        except (OSError, ValueError, TypeError) as err:
            raise TlsUnusable(f"{self._authority} cannot be used: {err}. Restore it from a backup.") from err

    def rotate(self) -> Authority:
        """Replace the CA by a new one; who believes the old one believes the new. Raises `TlsUnusable`."""
        return self._keep(self.authority().succeeded(self._now()))

    def retire(self) -> Authority:
        """Believe no earlier CA any more. Raises `TlsUnusable`."""
        return self._keep(self.authority().alone())

    def _keep(self, authority: Authority) -> Authority:
        replace_private(self._authority, authority.to_pem())
        replace_private(self._bundle, authority.bundle().encode())
        return authority

    def _read_server(self) -> ServerCertificate | None:
        with contextlib.suppress(OSError, ValueError, TypeError):  # absent or damaged: it can be made again
            return ServerCertificate.from_pem(self._server.read_bytes())
        return None


def from_files(certificate: Path, key: Path, ca: Path | None) -> Material:
    """Return what an operator has put into files. Blocks. Raises `TlsUnusable`."""
    try:
        content = certificate.read_bytes() + key.read_bytes()
        bundle = None if ca is None else ca.read_text(encoding="ascii")
    except (OSError, ValueError) as err:
        raise TlsUnusable(f"A file of the group tls cannot be read: {err}") from err
    return Material(certificate, key, content, bundle)


def ends_at(certificate: Path) -> datetime:
    """Return when a certificate, PEM, ends. Blocks. Raises `TlsUnusable`."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as err:
        raise TlsUnusable(f"{certificate} is no certificate that can be read: {err}") from err


class ServerTls:
    """The context that a server listens with, always with the latest certificate.

    Args:
        source: Gives the material; called in a thread.
    """

    def __init__(self, source: Callable[[], Material]) -> None:
        self._source = source
        self._material = source()
        self._current = _context(self._material)
        self.context = _context(self._material)
        self.context.sni_callback = self._latest
        self._hurry = asyncio.Event()

    @property
    def bundle(self) -> str | None:
        """The CAs that callers are to believe, PEM; None if the system's trust store knows them."""
        return self._material.bundle

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the CA that the certificate comes from; None as for `bundle`."""
        return None if self.bundle is None else fingerprint(self.bundle)

    async def look(self) -> None:
        """Take what has changed; what cannot be used is logged and the old certificate stays."""
        try:
            material = await asyncio.to_thread(self._source)
            if material != self._material:
                self._current = await asyncio.to_thread(_context, material)
                self._material = material
                log.info("tls.replaced", certificate=str(material.certificate))
        except (TlsUnusable, OSError) as err:
            log.warning("tls.unusable", reason=str(err))

    def hurry(self) -> None:
        """Have `run` look now."""
        self._hurry.set()

    async def run(self) -> None:
        """Look each minute, or when hurried, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._hurry.wait()
            self._hurry.clear()
            await self.look()

    def _latest(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # called for every handshake, with a server name or without
        connection.context = self._current


def _context(material: Material) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(material.certificate, material.key)
    except (OSError, ssl.SSLError) as err:
        raise TlsUnusable(f"{material.certificate} and {material.key} cannot be served with: {err}") from err
    return context
