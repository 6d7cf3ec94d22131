"""The client library: `async with RESTClient(url, token=…) as client: await client.list_vms()`."""

from .rest import RESTClient
from .sync import SyncRESTClient, SyncTerminal
from .terminals import Terminal

__all__ = ["RESTClient", "SyncRESTClient", "SyncTerminal", "Terminal"]
