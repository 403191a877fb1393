"""What Mainspring is measured beside."""
