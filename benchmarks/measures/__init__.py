"""The measurements, one file for each goal. A measure takes a trial of any contender and returns figures."""
