"""The worker: claims runs, executes their attempts and writes the results."""
