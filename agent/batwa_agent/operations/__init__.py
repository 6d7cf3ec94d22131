"""Everything that changes a VM: accepted on disk, done once, settled after a restart."""
