"""Takes questions to the viewer's terminal out of replayed output: the answer would be typed into the shell.

Control sequences: ECMA-48, and xterm's https://invisible-island.net/xterm/ctlseqs/ctlseqs.html. Live output
never comes here.
"""

import re
from collections import deque

HELD_BYTES = 64 << 10
"""A longer unfinished sequence is no sequence."""
CANCEL = b"\x18"
"""CAN ends an unfinished sequence without effect (ECMA-48, 8.3.6)."""

_CSI = rb"(?:\x1b\[|\xc2\x9b)"
_C1 = rb"\xc2[\x90\x9b-\x9d\x9f]"
_DCS_END = rb"(?:\x1b\\|\xc2\x9c|(?=[\x18\x1a\x1b]|" + _C1 + rb"))"
_OSC_END = rb"(?:\x07|" + _DCS_END + rb")"
_DCS_BODY = rb"(?:(?!" + _C1 + rb")[^\x18\x1a\x1b])*"
_OSC_BODY = rb"(?:(?!" + _C1 + rb")[^\x07\x18\x1a\x1b])*"
_SEQUENCE = re.compile(
    rb"(?P<csi>" + _CSI + rb"(?P<params>[\x00-\x17\x19\x1c-\x3f\x7f]*)(?P<final>[\x40-\x7e]))"
    rb"|(?P<osc>(?:\x1b\]|\xc2\x9d)" + _OSC_BODY + _OSC_END + rb")"
    rb"|(?P<dcs>(?:\x1b[P_]|\xc2[\x90\x9f])" + _DCS_BODY + _DCS_END + rb")"
    rb"|(?P<other>\x1bZ|\xc2\x9a|\x05)"
)
_UNFINISHED = re.compile(
    rb"(?:\x1b|\xc2|" + _CSI + rb"[\x00-\x17\x19\x1c-\x3f\x7f]*"
    rb"|(?:\x1b\]|\xc2\x9d)" + _OSC_BODY + rb"\x1b?"
    rb"|(?:\x1b[P_]|\xc2[\x90\x9f])" + _DCS_BODY + rb"\x1b?)\Z"
)
_START = re.compile(rb"\x1b[\[\]P_]|\xc2[\x90\x9b\x9d\x9f]|\x1b\Z|\xc2\Z")
_REPORTS = re.compile(rb"(?:1[1345689]|2[01])\b")
_CONTROLS = re.compile(rb"[^\x00-\x17\x19\x1c-\x1f]+")
_OSC_QUESTION = re.compile(rb"[;=]\?|1337;(?:Report|Capabilities|RequestUpload)")


class QueryFilter:
    """Bytes in, the same without questions out, however they are split."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def held_bytes(self) -> int:
        """How many of the bytes given are not yet decided."""
        return len(self._held)

    def feed(self, data: bytes) -> bytes:
        """Return what can be shown so far."""
        data = self._held + data
        self._held = b""
        if (at := _unfinished_at(data)) is not None and len(data) - at <= HELD_BYTES:
            data, self._held = data[:at], data[at:]
        return _SEQUENCE.sub(_kept, data)

    def finish(self) -> bytes:
        """Return what was held back: what follows live completes it."""
        held, self._held = self._held, b""
        return held


def cut_query_bytes(before: bytes, after: bytes) -> int:
    """Return how many bytes of *after* end a question that *before* began, 0 if there is none such."""
    if (at := _unfinished_at(before)) is None:
        return 0
    begun = before[at:]
    match = _SEQUENCE.match(begun + after)
    if match is None or _kept(match) == match[0] or match.end() <= len(begun):
        return 0
    return match.end() - len(begun)


def _unfinished_at(data: bytes) -> int | None:
    """Return where an unfinished sequence at the end of *data* begins."""
    starts = deque(_START.finditer(data, max(0, len(data) - HELD_BYTES)), maxlen=2)
    for match in starts:  # the first of them, if the second is where the end of its string begins
        if _UNFINISHED.match(data, match.start()):
            return match.start()
    return None


def _kept(match: re.Match[bytes]) -> bytes:
    sequence = match[0]
    if match["csi"] is not None:
        asks = _csi_asks(_without_controls(match["params"]), match["final"])
    elif match["osc"] is not None:
        asks = _OSC_QUESTION.search(sequence) is not None
    elif match["dcs"] is not None:
        body = sequence[2:]
        asks = body[:2] in {b"$q", b"+q"} or (body[:1] == b"G" and b"a=q" in body)
    else:
        asks = True
    if not asks:
        return sequence
    # a control character inside a sequence has its effect, and the sequence goes on, as in xterm
    return _CONTROLS.sub(b"", sequence).replace(b"\x05", b"").replace(b"\x07", b"") if match["csi"] else b""


def _without_controls(params: bytes) -> bytes:
    return bytes(byte for byte in params if 0x20 <= byte < 0x7F)


def _csi_asks(params: bytes, final: bytes) -> bool:
    private, between = params[:1], params.lstrip(b"0123456789:;<=>?")
    if final == b"t":
        return not between and _REPORTS.match(params) is not None
    if final == b"n":
        return private != b">"
    return (
        final == b"c"
        or (final == b"x" and not between)
        or (private + final in {b">q", b"?u", b"?S", b"?m"})
        or (between + final in {b"$p", b"$w", b"'w", b'"v', b"*y", b"&u", b"'|", b"#|", b"#R"})
    )
