"""Pure clock maths: which instants a schedule names. No database, no clock of its own."""
