"""What the hub and the agents both speak: wire schemas, error codes, and the HTTP edge."""

__version__ = "0.1.0"
