"""The hub's own end of TLS: its CA, its certificate, and how both are renewed while it serves."""
