"""`help`, and what is printed when no command is given."""

from .grammar import COMMANDS, NOT_SIMULATED, Call, refuse_not_simulated
from .machine import Machine
from .terminal import Failed, emit

_HEAD = """Usage: multipass [options] <command>
Create, control and connect to Ubuntu instances.

This is a command line utility for multipass, a
service that manages Ubuntu instances.

Options:
  -h, --help     Displays help on commandline options
  -v, --verbose  Increase logging verbosity. Repeat the 'v' in the short option
                 for more detail. Maximum verbosity is obtained with 4 (or more)
                 v's, i.e. -vvvv.

Available commands:
"""
_SIMULATED = """
This is multipass-sim: the instances are simulated, in the directory MULTIPASS_SIM_HOME.
Delays and faults are set by MULTIPASS_SIM_... variables; docs/simulator.md explains them.
"""
_COMMAND_CELLS = 14


def run(call: Call, _machine: Machine) -> int:
    """Print the help of one command, or the list of all."""
    if not call.names:
        summaries = {name: spec.summary for name, spec in COMMANDS.items()} | NOT_SIMULATED
        rows = [f"  {name:<{_COMMAND_CELLS}}{summaries[name]}\n" for name in sorted(summaries)]
        emit(_HEAD + "".join(rows))
        return 0
    name = call.names[0]
    refuse_not_simulated(name)
    if name not in COMMANDS:
        raise Failed(
            f'Error: Unknown command or alias \'{name}\' (try "multipass help" or "multipass aliases")', 1
        )
    spec = COMMANDS[name]
    options = "".join(f"  {_option(option)}\n" for option in ("h,help", "v,verbose", *spec.options))
    usage = f"multipass {name} [options] {spec.usage}".rstrip()
    emit(f"Usage: {usage}\n{spec.summary}\n\nOptions:\n{options}{_SIMULATED}")
    return 0


def _option(option: str) -> str:
    letter, _, name = option.removesuffix("=").rpartition(",")
    value = f" <{name}>" if option.endswith("=") else ""
    return f"-{letter}, --{name}{value}" if letter else f"--{name}{value}"
