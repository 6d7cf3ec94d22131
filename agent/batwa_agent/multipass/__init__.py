"""Multipass as a driver: the program on a pseudo-terminal, and what it says."""
