"""What happened: runs, their attempts and events, and the targets that carry them out."""
