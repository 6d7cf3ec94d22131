"""The aiohttp edge that both daemons share."""
