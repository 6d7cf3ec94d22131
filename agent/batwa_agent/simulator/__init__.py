"""`multipass-sim`: Multipass's command line over small isolated shells on this machine, for tests and trials.

Standard library only and light to import, because it is started thousands of times.
"""
