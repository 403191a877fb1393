"""Job definitions: validates, creates, changes and deletes jobs, and registers them under keys."""
