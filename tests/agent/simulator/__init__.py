"""The simulator, run as a program."""
