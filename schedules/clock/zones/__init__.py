"""Time zones: UTC offsets, local times, and the effect of clock changes on schedules."""
