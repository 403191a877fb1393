"""The measurements, one file for each goal. A measure is a function: it gets a contender's trial and returns figures."""
