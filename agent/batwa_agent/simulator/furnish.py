"""A new VM's files."""

import shutil

from .machine import Machine

_PROFILE = "[ -n \"$BASH_VERSION\" ] && [ -f ~/.bashrc ] && . ~/.bashrc || PS1='ubuntu@{name}:~$ '\n"
_BASHRC = "case $- in *i*) ;; *) return ;; esac\nPS1='\\[\\e]0;ubuntu@{name}: \\w\\a\\]ubuntu@{name}:\\w$ '\n"


def furnish(machine: Machine, name: str, user_data: str) -> None:
    """Make a new VM's files, in place of any old ones."""
    vm = machine.vm_path(name)
    shutil.rmtree(vm, ignore_errors=True)
    (vm / "home").mkdir(parents=True)
    (vm / "root").mkdir()
    (vm / "user-data").write_text(user_data)
    (vm / "home" / ".profile").write_text(_PROFILE.format(name=name))
    (vm / "home" / ".bashrc").write_text(_BASHRC.format(name=name))
    (vm / "home" / ".hushlogin").touch()
