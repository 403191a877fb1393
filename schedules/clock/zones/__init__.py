"""Time zones: offsets, local times, and what a change of the clocks does to a schedule."""
