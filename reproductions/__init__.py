"""Published results computed again: `python -m reproductions.NAME` writes docs/reproductions/NAME.md."""
