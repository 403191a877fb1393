"""The occurrence ledger shows what happened to each occurrence. The watchdog uses the ledger to find stoppages."""
