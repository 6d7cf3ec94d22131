"""/api/openapi.json and /api/docs: the API's description, for programs and for people."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from html import escape
from typing import Any

from aiohttp import web

from batwa_common.web.routes import Access, Route

from . import openapi

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border-bottom: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
summary code { font-weight: 600; }
pre { overflow-x: auto; padding: .6rem; background: #8882; border-radius: .3rem; }
small { opacity: .7; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
}


class Reference:
    """Both forms of the description, made from the route table when somebody first asks."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes

    @cached_property
    def _forms(self) -> tuple[bytes, bytes]:
        """As JSON and as a page. The first time takes a second: blocks."""
        described = openapi.document(self._routes)
        return json.dumps(described, ensure_ascii=False).encode(), "\n".join(_page(described)).encode()

    async def _made(self) -> tuple[bytes, bytes]:
        return await asyncio.to_thread(lambda: self._forms)

    async def show_json(self, _request: web.Request) -> web.Response:
        """GET /api/openapi.json"""
        described, _ = await self._made()
        return web.Response(body=described, content_type="application/json")

    async def show_page(self, _request: web.Request) -> web.Response:
        """GET /api/docs"""
        _, page = await self._made()
        return web.Response(body=page, content_type="text/html", charset="utf-8", headers=HEADERS)


def with_reference(routes: list[Route]) -> list[Route]:
    """Return *routes* and the two that describe them and themselves."""
    all_ = list(routes)
    reference = Reference(all_)
    return [
        *all_,
        Route("GET", "/api/openapi.json", reference.show_json, Access.ANYONE),
        Route("GET", "/api/docs", reference.show_page, Access.ANYONE),
    ]


def _page(described: dict[str, Any]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><title>Batwa API</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    yield f"<h1>Batwa API</h1><p>Version {escape(described['info']['version'])}. "
    yield 'The same for programs: <a href="/api/openapi.json">openapi.json</a>.</p>'
    groups: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_endpoint(method, path, operation))
    for tag in sorted(groups):
        yield f"<h2>{escape(tag)}</h2>"
        yield from groups[tag]
    yield "<h2>Schemas</h2>"
    for name, schema in sorted(described["components"]["schemas"].items()):
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        yield f"<pre>{text}</pre></details>"
    yield "</html>"


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>"]
    for parameter in operation["parameters"]:
        kind = "required" if parameter["required"] else "optional"
        told = escape(parameter.get("description", ""))
        parts.append(
            f"<p><code>{escape(parameter['name'])}</code> <small>{parameter['in']}, {kind}</small> {told}</p>"
        )
    if (body := operation.get("requestBody")) is not None:
        parts.append(f"<p>Takes {_link(body['content']['application/json']['schema'])}</p>")
    parts += [
        f"<p>{escape(status)}: {_link(content['schema'])}</p>"
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
    ]
    head = f"<code>{method.upper()} {escape(path)}</code> <small>{escape(operation['x-access'])}</small>"
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _link(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"a list of {_link(schema['items'])}"
    name = escape(schema.get("$ref", "").rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else "JSON"
