"""The link by which the first administrator chooses a password, as long as nobody has an account."""

from cryptography.fernet import InvalidToken, MultiFernet

from batwa_common.errors import Conflict, Forbidden

from .accounts import Accounts, Authenticated

LIVES_S = 24 * 3600
"""How long a link is good for."""
_MEANING = b"batwa: first start"


class FirstStart:
    """Makes and takes the codes in such links.

    A code is an encrypted word and time: nothing is kept of it, so any process with the key file can make one
    that any other takes. It is used up when somebody has an account.

    Args:
        accounts: Where the administrator is made.
        cipher: Of the key file.
    """

    def __init__(self, accounts: Accounts, cipher: MultiFernet) -> None:
        self._accounts = accounts
        self._cipher = cipher

    async def is_open(self) -> bool:
        """Tell whether nobody has an account yet."""
        return not await self._accounts.anybody()

    def new_code(self) -> str:
        """Return a code that is good for `LIVES_S`, for whoever started the hub, never for a log."""
        return self._cipher.encrypt(_MEANING).decode()

    async def complete(self, code: str, password: str) -> Authenticated:
        """Make the administrator.

        Raises `Forbidden` for a code that is wrong or too old, `Conflict` when somebody has an account.
        """
        if not self._is_good(code):
            raise Forbidden(
                "This link is incomplete or older than a day; batwa-hub setup-link prints a new one."
            )
        if (made := await self._accounts.add_first(password)) is None:
            raise Conflict("This hub has been set up already; log in.")
        return made

    def _is_good(self, code: str) -> bool:
        try:
            return self._cipher.decrypt(code.encode(), ttl=LIVES_S) == _MEANING
        except InvalidToken:
            return False
