"""What HTTPS is served with, by the settings."""

from functools import partial

from batwa_hub.settings import Settings

from .certificates import OwnAuthority, ServerTls, TlsUnusable, from_files
from .names import server_names


def served_tls(settings: Settings) -> ServerTls | None:
    """Return it; None for plain HTTP. Blocks. Raises `TlsUnusable`."""
    section = settings.tls
    match section.mode:
        case "off":
            return None
        case "auto":
            names = partial(server_names, settings.host, settings.public_urls, section.names)
            return ServerTls(OwnAuthority(settings.data_dir / "tls", names).material)
        case "files":
            if section.certificate is None or section.key is None:
                raise TlsUnusable("tls.mode = files needs tls.certificate and tls.key")
            return ServerTls(partial(from_files, section.certificate, section.key, section.ca))
