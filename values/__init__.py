"""Types that all packages share: ids, durations, times on pages, JSON that can be stored. Imports no other package."""
