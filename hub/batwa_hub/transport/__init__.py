"""How the hub reaches agents."""
