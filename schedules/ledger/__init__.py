"""The occurrence ledger: what became of each occurrence; and the watchdog, which finds stoppages with it."""
