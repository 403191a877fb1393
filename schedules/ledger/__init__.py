"""The occurrence ledger, which says what happened to each occurrence; the watchdog, which finds stoppages with it."""
