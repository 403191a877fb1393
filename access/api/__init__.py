"""The base of the REST API: authentication, reading requests, pagination and OpenAPI documentation."""
