"""What runs inside Mainspring's own Django: preparing, editing, publishing by the product's own functions."""
