"""TLS as whoever calls a hub sees it: whose certificates are believed.

Without a bundle those of the system's trust store are. With one (PEM) only what comes from a
certificate in it is: a hub that has made its own CA is pinned that way, wherever it moves.
"""

import functools
import hashlib
import http.client
import re
import ssl
from urllib.parse import urlsplit

OWN_CA = "Batwa hub CA"
"""Organisation in the name of a CA that a hub made for itself. It signs that one hub and nothing else."""
CA_PATH = "/api/ca.pem"
"""Where a hub with a CA of its own tells it to anybody."""
MAX_BUNDLE_BYTES = 64 << 10
"""Bound of a bundle: some thirty certificates."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def client_context(bundle: str | None = None) -> ssl.SSLContext:
    """Return what a client believes: the system's CAs, or only those in *bundle*. Blocks.

    A CA that a hub made for itself names that hub, so the host name is not compared: the hub may be
    reached by addresses its certificate does not know. Raises ValueError if *bundle* holds none.
    """
    if bundle is None:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cadata="\n".join(blocks(bundle)))
    except ssl.SSLError as err:
        raise ValueError(f"a certificate in it cannot be read: {err.reason}") from err
    context.check_hostname = not all(_is_own(ca.get("subject", ())) for ca in context.get_ca_certs())
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that believes anybody: to fetch what is checked by its fingerprint, nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fetch_bundle(url: str, *, timeout_s: float = 10.0) -> str:
    """Return the CAs that whoever answers at *url* calls its own: to be checked by fingerprint. Blocks.

    Raises OSError if nobody answers, and ValueError if what answers has no CA of its own to tell.
    """
    at = urlsplit(url)
    context = unverified_context()
    connection = http.client.HTTPSConnection(at.hostname or "", at.port, timeout=timeout_s, context=context)
    try:
        connection.request("GET", at.path.rstrip("/") + CA_PATH)
        answer = connection.getresponse()
        body = answer.read(MAX_BUNDLE_BYTES)
    except http.client.HTTPException as err:
        raise ValueError(f"what answers at {url} is no Batwa hub ({type(err).__name__})") from err
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise ValueError(f"{url} tells no CA of its own ({answer.status})")
    return "\n".join(blocks(body.decode("ascii", errors="replace"))) + "\n"


def blocks(bundle: str) -> list[str]:
    """Return each certificate of *bundle* as PEM. Raises ValueError if there is none."""
    if not (found := _BLOCK.findall(bundle)):
        raise ValueError("there is no certificate in it; it has to be PEM, as `batwa-hub ca show` prints it")
    return [str(block) for block in found]


def fingerprint(certificate: str) -> str:
    """Return the SHA-256 of one PEM certificate, as 64 hexadecimal digits."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()


@functools.lru_cache(maxsize=8)
def bundle_id(bundle: str) -> str:
    """Return what names exactly these certificates in this order. Raises ValueError if there is none."""
    return hashlib.sha256("".join(map(fingerprint, blocks(bundle))).encode()).hexdigest()


def pinned(bundle: str, wanted: str) -> str | None:
    """Return the one certificate of *bundle* whose fingerprint is *wanted*; None if it is not there.

    The others are not to be believed: whoever answered may have added them.
    """
    return next((each for each in blocks(bundle) if fingerprint(each) == wanted.lower()), None)


def shown(digest: str) -> str:
    """Return a fingerprint as people compare it: `AB:CD:…`."""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def read_fingerprint(text: str) -> str:
    """Return the fingerprint that a person typed, with or without colons. Raises ValueError."""
    digest = re.sub(r"[\s:]", "", text).lower().removeprefix("sha256")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("a fingerprint is the SHA-256 of a certificate: 64 hexadecimal digits")
    return digest


def _is_own(subject: object) -> bool:
    # ssl tells a name as ((("organizationName", "…"),), …)
    return (("organizationName", OWN_CA),) in tuple(subject if isinstance(subject, tuple) else ())
