"""`batwa-hub secrets rotate`: a new key for what the database holds encrypted."""

import asyncio

from cryptography.fernet import Fernet

from .secrets import KeyFile
from .services.reencryption import Reencrypted, reencrypt
from .store.database import Database


async def rotate(key_file: KeyFile, database: Database) -> Reencrypted:
    """Encrypt every secret with a new key, and forget the old ones if that went well.

    Killed at any moment, the file has every key that is needed. A key file that is a credential of the
    service manager is not written: its first key is the new one. Raises `KeyFileUnusable`.
    """
    await asyncio.to_thread(key_file.open_cipher)  # makes an absent one, refuses a bad one
    old = await asyncio.to_thread(key_file.read)
    new = old[:1] if key_file.is_credential else [Fernet.generate_key()]
    if not key_file.is_credential:
        await asyncio.to_thread(key_file.replace, [*new, *old])
    result = await reencrypt(database, await asyncio.to_thread(key_file.open_cipher))
    if not key_file.is_credential and not result.lost:
        await asyncio.to_thread(key_file.replace, new)
    return result
