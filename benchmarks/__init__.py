"""`make bench`: measures Mainspring and its alternatives in one run, on the same machine and stores."""
