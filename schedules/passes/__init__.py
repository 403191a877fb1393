"""The periodic work of the beat process, besides the tick that fires due jobs."""
