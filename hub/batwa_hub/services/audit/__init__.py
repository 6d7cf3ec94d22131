"""The audit log: its chain of hashes, and the log itself."""
