"""Values for the environment variables without which the settings refuse to load."""

REQUIRED_VARIABLES = {
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgres://mainspring:secret@127.0.0.1:5432/mainspring",
    "BROKER_URL": "redis://127.0.0.1:6379/0",
}
