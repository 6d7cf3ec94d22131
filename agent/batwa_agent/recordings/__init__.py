"""What terminals showed, as asciicast files."""
