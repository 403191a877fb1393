"""The groundwork of the REST API: who calls, what came in, how lists are paged and how all of it is documented."""
