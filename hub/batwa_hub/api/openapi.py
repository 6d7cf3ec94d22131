"""The API's description, made from the route table and the schemas: nothing here is kept by hand."""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from batwa_common import __version__
from batwa_common.web.routes import Access, Listing, Route
from batwa_common.wire.base import Wire
from batwa_common.wire.problem import Problem

Modes = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]
"""How a shape is referred to, by shape and whether it is read or written."""

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)")
_PATTERN = re.compile(r"\{(\w+):[^{}]*\}")
"""A path parameter with aiohttp's pattern, which OpenAPI leaves out."""
_PEOPLE: list[dict[str, list[str]]] = [{"session": []}, {"token": []}, {"basic": []}]
SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.METRICS: [{}, {"metrics": []}],
    Access.AGENT: [{"agent": []}],
    Access.PEER: [{"peer": []}],
    Access.PROCESS: [{"process": []}],
    Access.LINK: [{}, *_PEOPLE],
    Access.VIEWER: _PEOPLE,
    Access.OPERATOR: _PEOPLE,
    Access.TERMINAL: _PEOPLE,
    Access.ADMIN: _PEOPLE,
}
SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "session_id"},
    "token": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "An API token as the password."},
    "metrics": {"type": "http", "scheme": "bearer", "description": "The setting `metrics.token`."},
    "process": {"type": "apiKey", "in": "header", "name": "X-Batwa-Process"},
    "agent": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "peer": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "Another hub's signature over this very request; see docs/peers.md.",
    },
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of *routes*."""
    routes = list(routes)
    used = sorted(
        {use for route in routes for use in _uses(route)}, key=lambda use: (use[0].__name__, use[1])
    )
    modes, schema = models_json_schema(used, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PATTERN.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, modes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Batwa", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {"schemas": schema.get("$defs", {}), "securitySchemes": SCHEMES},
    }


def text(routes: Iterable[Route]) -> bytes:
    """Return the document as JSON."""
    return json.dumps(document(routes), ensure_ascii=False).encode()


def _uses(route: Route) -> Iterable[tuple[type[Wire], JsonSchemaMode]]:
    yield Problem, "serialization"
    if route.takes is not None:
        yield route.takes, "validation"
    if route.query is not None:
        yield route.query, "validation"
    if route.gives is not None:
        yield _shape(route.gives), "serialization"


def _shape(gives: type[Wire] | Listing) -> type[Wire]:
    return gives.of if isinstance(gives, Listing) else gives


def _operation(route: Route, modes: Modes) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', route.path)}",
        "tags": [route.path.split("/")[2] if route.path.startswith("/api/") else "daemon"],
        "description": _description(route),
        "security": SECURITY[route.access],
        "x-access": route.access.value,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": _responses(route, modes),
    }
    if route.takes is not None:
        body = {"application/json": {"schema": modes[route.takes, "validation"]}}
        required = any(field.is_required() for field in route.takes.model_fields.values())
        described["requestBody"] = {"content": body, "required": required}
    return described


def _description(route: Route) -> str:
    lines = (inspect.getdoc(route.handler) or "").splitlines()
    shape = inspect.getdoc(route.takes) if route.takes is not None else None
    words = [line for line in lines[1:] if line.strip()] or ([shape.splitlines()[0]] if shape else [])
    return " ".join([*words, f"Who may: {route.access.value}."])


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    """Yield what stands in the path; whatever it is, it is a string there."""
    for name in _PARAMETER.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(route: Route) -> Iterable[dict[str, Any]]:
    if route.query is None:
        return
    schema = route.query.model_json_schema(ref_template=_REF, mode="validation")
    for name, spec in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        plain = {key: value for key, value in spec.items() if key != "description"}
        described = spec.get("description", "")
        yield {"name": name, "in": "query", "required": required, "schema": plain, "description": described}


def _responses(route: Route, modes: Modes) -> dict[str, Any]:
    ordinary: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.gives is not None:
        one = modes[_shape(route.gives), "serialization"]
        schema = {"type": "array", "items": one} if isinstance(route.gives, Listing) else one
        ordinary["content"] = {"application/json": {"schema": schema}}
    problem = {"application/problem+json": {"schema": modes[Problem, "serialization"]}}
    failed = {"description": "It failed, and this says why", "content": problem}
    return {str(route.status): ordinary, "default": failed}
