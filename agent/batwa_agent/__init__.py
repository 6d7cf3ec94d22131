"""The agent: one daemon per machine, the only code that runs `multipass`."""
