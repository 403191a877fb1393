"""The ledger of due times: what became of each one, incidents, and the watchdog."""
