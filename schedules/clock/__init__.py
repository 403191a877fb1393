"""Pure clock maths: at which instants a schedule fires. No database, and no reading of the current time."""
