"""The shapes that cross a socket."""
