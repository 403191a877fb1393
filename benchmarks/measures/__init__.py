"""The measurements, one file for each goal. Each measure is a function that gets a trial and returns figures."""
