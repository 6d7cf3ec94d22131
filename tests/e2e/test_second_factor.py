"""`batwa login` and the client library where an account wants a code: real processes, a real terminal."""

from pathlib import Path

import pexpect
import pyotp
import pytest

from batwa_common.client import RESTClient
from batwa_common.errors import SecondFactorRequired

from .fleet import Fleet
from .test_cli import Cli

VERA = "vera's password"


async def with_app(url: str) -> tuple[str, ...]:
    """Give vera an authenticator app; return her recovery codes."""
    async with RESTClient(url, username="vera", password=VERA) as client:
        secret = (await client.begin_totp(VERA)).secret
        return (await client.confirm_totp(pyotp.TOTP(secret).now())).codes


@pytest.mark.timeout(150)
async def test_logging_in_with_a_code(shared_fleet: Fleet, tmp_path: Path) -> None:
    admin = Cli(shared_fleet.url, tmp_path / "admin")
    admin.log_in()
    assert admin.run("user", "add", "vera", "--password-stdin", stdin=f"{VERA}\n").returncode == 0
    codes = await with_app(shared_fleet.url)
    vera = Cli(shared_fleet.url, tmp_path / "vera")
    login = ("login", shared_fleet.url, "--user", "vera", "--password-stdin")
    try:
        assert vera.run(*login, stdin=f"{VERA}\n{codes[0]}\n").returncode == 0
        child = vera.spawn(f"batwa login {shared_fleet.url} --user vera")
        child.expect("Password: ")
        child.sendline(VERA)
        child.expect("Code of your authenticator app, or a recovery code")
        child.sendline(codes[1])
        child.expect("Logged in at")
        child.expect(pexpect.EOF)
        child.close()
        async with RESTClient(shared_fleet.url) as client:
            with pytest.raises(SecondFactorRequired):
                await client.login("vera", VERA)
            await client.login("vera", VERA, codes[2])
            assert (await client.get_me()).recovery_codes == 7
        assert admin.run("user", "reset-code", "vera").returncode == 0
        assert vera.run(*login, stdin=f"{VERA}\n").returncode == 0
    finally:
        admin.run("user", "rm", "vera")
