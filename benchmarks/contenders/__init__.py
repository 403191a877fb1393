"""Mainspring and its peers behind one interface, so that the same code measures all of them."""
