"""The worker: claims runs, executes attempts and writes the results."""
