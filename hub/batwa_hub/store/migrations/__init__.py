"""How the schema came to be: one module per step, run in order at start."""
