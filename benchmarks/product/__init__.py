"""Programs inside Mainspring's own Django that prepare, edit and publish jobs by the product's functions."""
