"""Commands in VMs: waited for, or streamed."""
