"""What the command `batwa-hub` can do, by what it is about."""
