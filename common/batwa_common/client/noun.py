"""What each part of the client has: the hub it talks to."""

from .http import Http


class Noun:
    """The methods about one kind of thing; `RESTClient` has them all."""

    def __init__(self, http: Http) -> None:
        self._http = http
