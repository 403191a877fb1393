"""The web process: health checks, error format, OpenAPI document, security headers."""
