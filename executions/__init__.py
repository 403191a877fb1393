"""The run side: runs, their attempts and events, and the targets that execute them."""
