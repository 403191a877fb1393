"""Job definitions: validation, create, update, delete, and registration from code."""
