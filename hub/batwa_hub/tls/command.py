"""`batwa-hub ca`: look at the hub's own CA, replace it, forget the ones before."""

from batwa_common.tls import fingerprint, shown

from .authority import Authority, pem
from .certificates import OwnAuthority

CA_ACTIONS = ("show", "rotate", "retire")


def ca_command(own: OwnAuthority, action: str) -> str:
    """Do one of `CA_ACTIONS` and return what to tell. Blocks.

    Raises `TlsUnusable`.
    """
    match action:
        case "rotate":
            return _described(own.rotate()) + (
                "\nA new CA is in use. Who believes the old one believes it as well; agents learn it"
                "\nwith their next heartbeat. When all have been here: batwa-hub ca retire\n"
            )
        case "retire":
            return _described(own.retire()) + (
                "\nEarlier CAs are believed no more; who still knows only those has to join again.\n"
            )
        case _:
            return _described(own.authority()) + "\n" + own.authority().bundle()


def _described(authority: Authority) -> str:
    lines = []
    for what, each in [("CA", authority.certificate), *(("earlier", former) for former in authority.former)]:
        until = each.not_valid_after_utc.date().isoformat()
        lines.append(f"{what:<8} {shown(fingerprint(pem(each)))}  until {until}\n")
    return "".join(lines)
