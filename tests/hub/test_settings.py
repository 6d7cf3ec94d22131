"""How the hub's settings arrive, and the key file beside them."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from batwa_common.settings import SettingsError
from batwa_hub.secrets import KeyFile, KeyFileUnusable
from batwa_hub.settings import Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BATWA_HUB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hub.toml"
    monkeypatch.setenv("BATWA_HUB_CONFIG", str(path))
    return path


def test_without_any_the_defaults_are_those_documented(file: Path) -> None:
    file.write_text("")
    settings = Settings.load({})

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.agent.stale_after_s, settings.session.lifetime_s) == (35, 7 * 86400)
    assert settings.store_url() == "sqlite+aiosqlite:////var/lib/batwa-hub/hub.db"
    assert settings.admin_password is None


def test_a_flag_beats_the_environment_beats_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('host = "192.0.2.1"\nport = 1\nlocal_agent_id = "here"\n[agent]\nstale_after_s = 50\n')
    monkeypatch.setenv("BATWA_HUB_PORT", "2")
    monkeypatch.setenv("BATWA_HUB_HOST", "192.0.2.2")
    monkeypatch.setenv("BATWA_HUB_AGENT__CALL_TIMEOUT_S", "5")

    settings = Settings.load({"host": "192.0.2.3", "port": None})

    assert (settings.host, settings.port, settings.local_agent_id) == ("192.0.2.3", 2, "here")
    assert (settings.agent.stale_after_s, settings.agent.call_timeout_s) == (50, 5)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("prot = 1", "prot"),
        ("[agent]\nstale_after = 5", "agent.stale_after"),
        ("port = 70000", "port"),
        ('trusted_origins = ["panel.example.org"]', "trusted_origins.0"),
        ("port = ", "hub.toml"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_what_is_wrong(file: Path, text: str, names: str) -> None:
    file.write_text(text)

    with pytest.raises(SettingsError, match=names):
        Settings.load({})


def test_a_misspelt_variable_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("")
    monkeypatch.setenv("BATWA_HUB_PROT", "1")

    with pytest.raises(SettingsError, match="unknown in the environment: BATWA_HUB_PROT"):
        Settings.load({})


def test_secrets_are_masked_and_origins_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('database_url = "postgresql+asyncpg://batwa:s3cret@db/batwa"\n')
    monkeypatch.setenv("BATWA_HUB_ADMIN_PASSWORD", "s3cret")

    settings = Settings.load({"port": 9})
    shown = settings.in_force({"port": 9})

    assert "s3cret" not in repr(settings) + shown
    assert {
        '# admin_password = "**********"  # BATWA_HUB_ADMIN_PASSWORD',
        f'# database_url = "**********"  # {file}',
        "port = 9  # flag",
        "event.keep = 10000  # default",
    } <= set(shown.splitlines())
    assert settings.store_url() == "postgresql+asyncpg://batwa:s3cret@db/batwa"


def test_what_config_prints_can_be_the_file(file: Path) -> None:
    strange = 'quoted "twice", C:\\x, a\ttab, \x7f and ☃ 😀'
    file.write_text("")
    given = {
        "public_urls": ["https://a.example.org", "https://b.example.org"],
        "trusted_proxies": ["10.0.0.0/8", "fd00::/8"],
        "data_dir": "/var/lib/it is here",
        "cookie_secure": False,
        "oidc": {"roles": {strange: "admin", "b.c": "viewer"}, "name_claim": strange},
        "p2p": {"interfaces": ["10.0.0.5"]},
        "limit": {"caller_per_minute": 0.5},
    }
    settings = Settings.load(given)

    file.write_text(settings.in_force(given))

    assert settings.differences(Settings.load({})) == set()


def test_a_directory_of_any_name_holds_the_database(tmp_path: Path) -> None:
    odd = tmp_path / "a b?c%20d#e"

    assert Settings.load({"data_dir": odd}).store_url().startswith("sqlite+aiosqlite:////")


def test_the_key_file_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"

    first, again = KeyFile(path).open_cipher(), KeyFile(path).open_cipher()

    assert again.decrypt(first.encrypt(b"x")) == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    KeyFile(path).open_cipher()
    path.chmod(mode)

    with pytest.raises(KeyFileUnusable, match=r"is open to others \(mode bits 0\d\d\)") as no:
        KeyFile(path).open_cipher()
    assert f"chmod 600 {path}" in str(no.value)


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe"])
def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyFileUnusable, match=r"holds no usable key: .* Restore it from a backup\."):
        KeyFile(path).open_cipher()
    assert path.read_bytes() == content


def test_a_key_file_where_none_can_be_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(KeyFileUnusable, match="cannot be read or made: "):
        KeyFile(tmp_path / "file" / "secret.key").open_cipher()


def test_a_new_first_line_encrypts_and_the_old_still_decrypts(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    old = KeyFile(path).open_cipher().encrypt(b"x")
    new = Fernet.generate_key()
    path.write_bytes(new + b"\n" + path.read_bytes())

    cipher = KeyFile(path).open_cipher()

    assert cipher.decrypt(old) == b"x"
    assert Fernet(new).decrypt(cipher.encrypt(b"y")) == b"y"
