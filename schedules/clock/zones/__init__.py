"""Time zones: UTC offsets, local times, and what a clock change does to a schedule."""
