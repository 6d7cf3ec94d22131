"""The VMs of this machine as last seen, kept true and remembered."""
