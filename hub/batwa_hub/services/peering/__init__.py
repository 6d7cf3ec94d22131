"""Other hubs: found, trusted, talked to."""
