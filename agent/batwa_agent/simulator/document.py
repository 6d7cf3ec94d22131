"""JSON and sizes, laid out as Multipass lays them out."""

import json

_INDENT = 4


def json_text(value: object) -> str:
    """Return *value* with sorted keys and four spaces, an empty list or object over two lines."""
    return _layout(value, 0) + "\n"


def human_size(size: int) -> str:
    """Return *size* bytes as `488.2MiB`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f}{unit}"
    return f"{size}B"


def _layout(value: object, depth: int) -> str:
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_layout(value[key], depth + 1)}" for key in sorted(value)]
        return _block("{}", items, depth)
    if isinstance(value, list):
        return _block("[]", [_layout(item, depth + 1) for item in value], depth)
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)


def _block(ends: str, items: list[str], depth: int) -> str:
    inner = " " * _INDENT * (depth + 1)
    body = ",\n".join(inner + item for item in items)
    return f"{ends[0]}\n{body + chr(10) if body else ''}{' ' * _INDENT * depth}{ends[1]}"
