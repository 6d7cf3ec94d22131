"""Write to stdout what the browser's types are made from.

That is the hub's OpenAPI document, and with it the shapes that cross its WebSockets and event streams,
which OpenAPI does not tell of.
"""

import json
import sys

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from batwa_common.wire import exec as command
from batwa_common.wire import terminal
from batwa_common.wire.base import Wire
from batwa_common.wire.event import Event
from batwa_hub.api.openapi import document
from batwa_hub.api.routes import ROUTES

STREAMED: list[type[Wire]] = [
    Event,
    terminal.Ack,
    terminal.Exit,
    terminal.Hello,
    terminal.Notice,
    terminal.Ping,
    terminal.Pong,
    terminal.Resize,
    terminal.Skip,
    terminal.TerminalError,
    terminal.Viewers,
    command.ExecFailed,
    command.Exited,
    command.Run,
    command.Started,
    command.StdinEnd,
]


def main() -> None:
    """Write it."""
    mode: JsonSchemaMode = "serialization"
    _, streamed = models_json_schema(
        [(shape, mode) for shape in STREAMED], ref_template="#/components/schemas/{model}"
    )
    described = document(ROUTES)
    schemas = described["components"]["schemas"]
    described["components"]["schemas"] = {**streamed["$defs"], **schemas}
    json.dump(described, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
