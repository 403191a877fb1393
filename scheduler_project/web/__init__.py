"""The web process: gunicorn worker, health checks, error responses, OpenAPI document, security headers, time zone."""
