"""Commands that an administrator runs as root, on a directory that is the hub's user's."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner_of(directory: Path, *, only_afterwards: bool) -> Iterator[None]:
    """As root, be the owner of *directory* from here on: no file made there is to be out of the hub's reach.

    With *only_afterwards* the block stays root's, and what it has made there is given to the owner. Does
    nothing for anybody else, and where there is no such directory yet. Blocks.
    """
    if os.geteuid() != 0 or not directory.is_dir() or (owner := directory.stat()).st_uid == 0:
        yield
        return
    if not only_afterwards:
        try:
            os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
        except KeyError:  # a user without a name: of a container, or removed
            os.setgroups([owner.st_gid])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        yield
        return
    try:
        yield
    finally:
        for file in directory.rglob("*"):
            if file.lstat().st_uid == 0:
                os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)
